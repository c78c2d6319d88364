# From a panel of firms to what a hazard model needs of each row: is the firm at risk, how long has it been
# there, which spell (one stay of a firm at one place) is it in, and how did the period end.

# The rows of `firms` as periods at risk
# choice: FALSE: how periods end is not needed (prediction), so a missing `to` is no closing.
# report: TRUE tells of spells whose start is not seen and warns of gaps.
# Value: list(duration, spell, outcome, late): an entry for each row of `firms`; outcome 1 stayed, 1 + k left by risk
#   k, NA not at risk of any of the risks asked for; late: a spell that begins to count here has survived before.
hazard_spells <- function(model, data, choice, report) {
  panel <- sorted_panel(data, choice)
  if (choice) check_after_exit(panel, data)
  spells <- number_spells(panel, model)
  back <- order(panel$order)
  duration <- given_durations(model, data, choice)
  if (report) {
    warn_gaps(panel, data)
    if (is.null(duration)) tell_left_censored(spells)
  }
  elapsed <- spells$elapsed[back]
  duration <- duration %||% elapsed
  list(
    duration = duration, spell = spells$spell[back], outcome = period_outcome(model, panel, choice)[back],
    late = elapsed > 1L | (spells$unseen[back] & !is.na(duration) & duration > 1)
  )
}

# Firm, time, origin and chosen place by firm and time, each with its value in the row before; and how a row
# follows the one before
sorted_panel <- function(data, choice) {
  index <- data$index
  time <- index$time %||% rep(1L, length(index$firm))
  ordering <- order(index$firm, time)
  panel <- list(
    order = ordering, firm = index$firm[ordering], time = time[ordering],
    origin = no_na(index$origin)[ordering], chosen = no_na(index$chosen)[ordering]
  )
  n <- length(ordering)
  before <- function(x) c(0L, x[-n])
  panel$first <- panel$firm != before(panel$firm)
  panel$gap <- !panel$first & panel$time - before(panel$time) > 1L
  closed <- choice & panel$chosen == 0L
  panel$after_exit <- !panel$first & c(FALSE, closed[-n])
  panel$was <- ifelse(panel$first, 0L, before(panel$origin))
  panel$went <- ifelse(panel$first, 0L, before(panel$chosen))
  panel
}

# A spell goes on while the firm is where it was and did not leave; for closing alone it is the firm's life
number_spells <- function(panel, model) {
  left <- panel$went > 0L & panel$went != panel$was
  goes_on <- !panel$first & panel$origin > 0L & panel$origin == panel$was & !left
  start <- if (identical(model$risks, "exit")) panel$first else !goes_on
  arrived <- !panel$first & !panel$gap & panel$went == panel$origin
  list(
    spell = cumsum(start), elapsed = panel$time - panel$time[!goes_on][cumsum(!goes_on)] + 1L,
    unseen = start & !arrived, stays = sum(!goes_on & panel$origin > 0L),
    unseen_stays = sum(!goes_on & panel$origin > 0L & !arrived)
  )
}

# How a period ended, as a code of the model's outcomes
period_outcome <- function(model, panel, choice) {
  outcome <- rep(1L, length(panel$firm))
  if (choice) {
    moved <- panel$chosen > 0L & panel$chosen != panel$origin
    outcome[moved] <- if ("move" %in% model$risks) 2L else 1L
    outcome[panel$chosen == 0L] <- 1L + match("exit", model$risks)
  }
  outcome[panel$origin == 0L] <- NA
  outcome
}

# Durations from a column of firms or an expression of columns; NULL when they are to be counted. New data may
# simply have a column `duration`.
given_durations <- function(model, data, choice) {
  if (is.null(model$duration) && !choice && "duration" %in% names(data$firms)) {
    model$duration <- "duration"
  }
  if (is.null(model$duration)) {
    if ("duration" %in% names(data$firms)) {
      abort(
        "`firms` has a column `duration`, the name hazard() uses for the periods since arrival. Take it with ",
        "hazard(duration = \"duration\"), or rename it.",
        class = "duration"
      )
    }
    return(NULL)
  }
  value <- evaluate_durations(model, data)
  if (!is.numeric(value) || length(value) != nrow(data$firms)) {
    abort("`duration` of hazard() must give a number for each row of `firms`, not ", describe_type(value), ".",
      class = "duration"
    )
  }
  bad <- !is.na(value) & (!is.finite(value) | value < 0)
  if (any(bad)) {
    abort("`duration` of hazard() is negative or infinite in ", plural(sum(bad), "row"), " of `firms`.",
      class = "duration"
    )
  }
  as.double(value)
}

evaluate_durations <- function(model, data) {
  call <- if (is.character(model$duration)) as.name(model$duration) else model$duration[[2L]]
  unknown <- setdiff(all.vars(call), names(data$firms))
  if (is.character(model$duration) && length(unknown) > 0L) {
    abort("`duration` of hazard() is \"", unknown, "\", which is not a column of `firms`.",
      did_you_mean(unknown, names(data$firms)),
      class = "duration"
    )
  }
  env <- if (is.character(model$duration)) baseenv() else environment(model$duration)
  tryCatch(eval(call, data$firms, env), error = function(e) {
    abort("`duration` of hazard() cannot be computed on `firms`: ", conditionMessage(e), ".", class = "duration")
  })
}

# A closed firm has no later periods
check_after_exit <- function(panel, data) {
  if (any(panel$after_exit)) {
    firms <- unique(data$firm[panel$firm[panel$after_exit]])
    abort(
      plural(length(firms), "firm"), if (length(firms) == 1L) " has" else " have",
      " rows after the one in which `", data$names$to, "` is missing, which says that the firm closed: ",
      quote_names(firms), ". Drop the later rows, or fill in where the firm was.",
      class = "after_exit"
    )
  }
}

warn_gaps <- function(panel, data) {
  gap <- unique(panel$firm[panel$gap])
  if (length(gap) > 0L) {
    warn(
      plural(length(gap), "firm"), if (length(gap) == 1L) " has" else " have",
      " gaps between periods: ", quote_names(data$firm[gap]),
      ". The missing periods are not at risk; duration counts them where the firm is still at the same place.",
      class = "gaps"
    )
  }
  jump <- !panel$first & !panel$gap & panel$origin > 0L & panel$went > 0L & panel$origin != panel$went
  jump <- unique(panel$firm[jump])
  if (length(jump) > 0L) {
    warn(
      plural(length(jump), "firm"), if (length(jump) == 1L) " starts" else " start",
      " a period at another place than the one where the period before ended: ", quote_names(data$firm[jump]),
      ". A new spell begins there, and the move is not counted.",
      class = "jumps"
    )
  }
}

tell_left_censored <- function(spells) {
  if (spells$unseen_stays > 0L) {
    inform(
      "Duration counts the periods in which the firm is observed at its origin. ", format_count(spells$unseen_stays),
      " of ", plural(spells$stays, "spell"), " may have begun before that (left censoring): name a column with the ",
      "true durations by hazard(duration = ).",
      class = "left_censored"
    )
  }
}
