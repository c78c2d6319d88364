# explore_migration(): a small shiny app on a fit. What the app does with its sliders is in functions that know no
# shiny:
# explorable() (what can be moved), scenario_call() (the call of a scenario), run_scenario(), which carries it out, and
# scenario_code(), which shows it.
#
# Whoever speaks to the app decides what an input is: shiny makes numbers, text, symbols, lists of it as the client
# says.
# So an input is never more than a question which of the things on offer is meant: offered() and on_slider() look it
# up, and nothing else of it goes on. No text is parsed.

#' @title Explore a fit in a browser
#' @description Starts a small app. Choose a place, move its attributes by sliders, and see what the model expects:
#' firms at each place and their change with intervals, flows, how many leave. For a model in equilibrium
#' ([chain()]) the equilibrium is solved again and followed along the change as [tipping()] does: the app says where on
#' the way a group of firms tips, and from which share to which. The app shows the R code of the scenario, a call of
#' [counterfactual()], so that what was found by hand can be put into a script.
#' @param fit A fit of [fit_migration()] to [migration_data()].
#' @param variables Names of the columns of `places` to have sliders. Default: the numeric ones in the formula.
#' @param draws Number of draws of the coefficients for the intervals; 0 for none. More draws take longer.
#' @param seed Seed of these draws.
#' @param token What the address must end with, as `?token=...`, or the page is refused: one string of letters and
#'   digits.
#'   `NULL` makes a new one, which is told with the address when the app starts. `""` lets everybody in who can reach
#'   the app.
#' @param origins Addresses, like `"https://r.example.org"`, of a server through which the app is reached. Pages of
#'   other
#'   addresses than that of the app and these get no answer.
#' @param ... Not used.
#' @return A shiny app object: printing it (in an interactive session: calling the function) starts it.
#' @section Security: The app listens on the loopback address, so that only this machine reaches it, and answers only
#'   who
#'   knows its token, from a page of its own: neither other users of the machine nor other pages that are open in the
#'   browser. What a client sends is compared with the places, times and sliders on offer and never becomes code.
#' @section Errors: Package shiny is not installed; a fit to long data, which has no table of places; no numeric
#'   attribute of places in the formula; a `token` of other characters than letters and digits.
#' @seealso [counterfactual()], which the app calls; [tipping()]; [report_migration()] for a report that stays.
#' @examplesIf interactive()
#' fit <- fit_migration(~ push(land_price) + pull(governance) + distance, wenzhou_guzhen())
#' explore_migration(fit)
#' @export
explore_migration <- function(fit, variables = NULL, draws = 30, seed = 1, token = NULL, origins = NULL, ...) {
  check_dots(...)
  need_shiny()
  need_ggplot2()
  parts <- explorable(fit, variables)
  guard <- list(token = check_token(token), origins = as.character(origins))
  shiny::shinyApp(
    guarded_page(explore_page(parts), guard), guarded_server(explore_server(fit, parts, draws, seed), guard),
    onStart = explore_start(guard$token), options = list(host = "127.0.0.1", launch.browser = open_with_token(guard$token))
  )
}

need_shiny <- function(installed = requireNamespace("shiny", quietly = TRUE)) {
  if (!installed) {
    abort("explore_migration() needs the package shiny: install.packages(\"shiny\").", class = "package")
  }
}

# Scenarios ---------------------------------------------------------------------------------------------

# What a fit lets one move: places, times, and for each variable its range and whether it is moved in per cent
explorable <- function(fit, variables = NULL) {
  if (!inherits(fit, "migration_fit")) {
    abort("`fit` must be a fit of fit_migration(), not ", class(fit)[1L], ".", class = "argument")
  }
  data <- fit$data
  if (!has_tables(data)) {
    abort("`fit` must be of migration_data(): long data have no table of places to change.", class = "argument")
  }
  variables <- variables %||% formula_variables(fit)
  unknown <- setdiff(variables, names(data$places))
  if (length(unknown) > 0L) {
    abort("`variables` names ", quote_names(unknown), ", not a column of `places`.", class = "argument")
  }
  numeric <- vapply(data$places[variables], is.numeric, NA)
  variables <- variables[numeric]
  if (length(variables) == 0L) {
    abort("The formula has no numeric attribute of places: there is nothing to move.", class = "argument")
  }
  list(
    place = data$place, time = data$time, names = data$names, columns = names(data$places), variables = lapply(
      stats::setNames(nm = variables), function(v) slider_of(data$places[[v]])
    )
  )
}

formula_variables <- function(fit) {
  intersect(all.vars(fit$formula), setdiff(names(fit$data$places), unlist(fit$data$names)))
}

# Positive attributes move in per cent, others by a number of up to two standard deviations
slider_of <- function(x) {
  x <- x[is.finite(x)]
  if (all(x > 0)) {
    return(list(percent = TRUE, reach = 75, step = 5))
  }
  reach <- signif(2 * stats::sd(x), 1)
  list(percent = FALSE, reach = reach, step = reach / 20)
}

# The call of a scenario: counterfactual() of changed places. change: named numbers by variable, in per cent or units; 0
# leaves a variable alone, and NULL is returned when all are left alone
scenario_call <- function(place, change, parts, time = NULL, draws = 30, seed = 1) {
  change <- change[change != 0]
  if (length(change) == 0L) {
    return(NULL)
  }
  new <- lapply(stats::setNames(nm = names(change)), function(v) {
    bquote(ifelse(.(as.name(parts$names$place)) == .(place), .(moved_attribute(v, change[[v]], parts)), .(as.name(v))))
  })
  call <- list(quote(counterfactual), quote(fit), places = changing_call(new, parts$columns))
  if (!is.null(time)) {
    call$subset <- bquote(.(as.name(parts$names$time)) == .(time))
  }
  as.call(c(call, list(draws = draws), if (draws > 0) list(seed = seed)))
}

# A call that puts new columns in their places: transform(), or, as that spells names that are not of R anew, within()
changing_call <- function(new, columns) {
  if (identical(columns, make.names(columns))) {
    return(as.call(c(quote(transform), quote(places), new)))
  }
  set <- Map(function(v, value) call("<-", as.name(v), value), names(new), new)
  call("within", quote(places), as.call(c(quote(`{`), unname(set))))
}

# `by` per cent more of a variable, or `by` units
moved_attribute <- function(v, by, parts) {
  name <- as.name(v)
  if (parts$variables[[v]]$percent) {
    return(bquote(.(signif(1 + by / 100, 6)) * .(name)))
  }
  if (by < 0) bquote(.(name) - .(signif(-by, 6))) else bquote(.(name) + .(signif(by, 6)))
}

# The call of a scenario as a person would write it, NULL where nothing is changed
scenario_code <- function(call) {
  if (is.null(call)) {
    return(NULL)
  }
  rest <- as.list(call)[-(1:3)]
  subset <- if (!is.null(rest$subset)) paste0(",\n  subset = ", code_text(rest$subset))
  rest$subset <- NULL
  paste0(
    "counterfactual(fit,\n  places = ", changing_code(call$places), subset,
    ",\n  ", paste0(names(rest), " = ", vapply(rest, code_text, ""), collapse = ", "), "\n)"
  )
}

code_text <- function(x) deparse1(x, backtick = TRUE)

changing_code <- function(call) {
  if (identical(call[[1L]], quote(within))) {
    set <- vapply(as.list(call[[3L]])[-1L], code_text, "")
    return(paste0("within(places, {\n", paste0("    ", set, collapse = "\n"), "\n  })"))
  }
  new <- as.list(call)[-(1:2)]
  paste0(
    "transform(places,\n", paste0("    ", names(new), " = ", vapply(new, code_text, ""), collapse = ",\n"), "\n  )"
  )
}

# Carries out the call of a scenario on a fit; NULL where nothing is changed
run_scenario <- function(fit, call) {
  if (is.null(call)) {
    return(NULL)
  }
  eval(call, list(fit = fit), topenv())
}

# The attributes of a place after a change: a named list
scenario_target <- function(fit, place, change, parts, time = NULL) {
  change <- change[change != 0]
  at <- known_place(place, fit$data, "place")
  cell <- list(time = if (is.null(time)) NA else time)
  lapply(stats::setNames(nm = names(change)), function(v) {
    now <- fit$data$places[[v]][attribute_rows(fit$data, v, at, cell)]
    if (parts$variables[[v]]$percent) now * (1 + change[[v]] / 100) else now + change[[v]]
  })
}

# What to say of the equilibrium after a change, NULL where the model solves for none. It is followed along the change,
# group by group, as by tipping(); of the groups that jump, the five with most firms.
tipping_note <- function(fit, place, change, parts, time = NULL) {
  if (!inherits(fit, "migration_fit_chain") || fit$model$expectation != "rational" || all(change == 0)) {
    return(NULL)
  }
  target <- scenario_target(fit, place, change, parts, time)
  tips <- tipping_on_the_way(fit, place, target, time)
  if (is.null(tips)) {
    return("No tipping point is passed: the equilibrium follows the change without a jump.")
  }
  tips <- utils::head(tips[order(-tips$firms), ], 5L)
  who <- if (anyNA(tips$group)) "the firms" else paste("the firms of", tips$group)
  paste0(
    "A tipping point is passed: at ", vapply(tips$way, percent, ""), " of this change ", who, " jump; of these, ",
    vapply(tips$before, percent, ""), " were at `", tips$place, "` just before and ", vapply(tips$after, percent, ""), " are after it (",
    plural_each(round(tips$firms), "firm"), ")."
  )
}

# The app ----------------------------------------------------------------------------------------------------

# Who is let in: the page is made for those who know the token, and a connection must come from that page
guarded_page <- function(page, guard) {
  function(request) {
    if (knows_token(request$QUERY_STRING, guard)) {
      return(page)
    }
    shiny::httpResponse(
      403L, "text/plain; charset=UTF-8",
      "This page is opened with its token, as in the address that R told when explore_migration() started."
    )
  }
}

guarded_server <- function(server, guard) {
  force(server)
  function(input, output, session) {
    search <- shiny::isolate(session$clientData$url_search)
    if (!from_own_page(session$request, guard) || !knows_token(search, guard)) {
      session$close()
      return(invisible())
    }
    server(input, output, session)
  }
}

knows_token <- function(search, guard) {
  if (!nzchar(guard$token)) {
    return(TRUE)
  }
  given <- if (is.character(search) && length(search) == 1L && !is.na(search)) {
    tryCatch(shiny::parseQueryString(search)$token, error = function(e) NULL)
  }
  is.character(given) && identical(given[1L], guard$token)
}

# A browser says of which address the page is that connects; other programs may leave that out, and need the token alone
from_own_page <- function(request, guard) {
  origin <- request$HTTP_ORIGIN
  if (is.null(origin)) {
    return(TRUE)
  }
  isTRUE(origin %in% guard$origins) || isTRUE(sub("^https?://", "", origin) == request$HTTP_HOST)
}

check_token <- function(token) {
  if (is.null(token)) {
    return(paste(secret_bytes(16L), collapse = ""))
  }
  if (!is.character(token) || length(token) != 1L || is.na(token) || grepl("[^A-Za-z0-9]", token)) {
    abort("`token` must be one string of letters and digits, or NULL.", class = "argument")
  }
  token
}

# Bytes that nobody guesses, in hexadecimal; R's own random numbers can be guessed, and a user's seed is left alone.
# Where the
# system has no device for it, the clock in its finest digits, the process and names of temporary files are mixed.
secret_bytes <- function(n, device = "/dev/urandom") {
  if (file.exists(device)) {
    connection <- file(device, "rb", raw = TRUE)
    on.exit(close(connection))
    return(as.character(readBin(connection, "raw", n)))
  }
  file <- tempfile()
  on.exit(unlink(file))
  writeLines(c(format(Sys.time(), "%OS9"), Sys.getpid(), tempfile(rep("", 20L)), proc.time()), file)
  utils::head(strsplit(unname(tools::md5sum(file)), "(?<=..)", perl = TRUE)[[1L]], n)
}

# Tells the token; and the app takes no files, before it knows who speaks or after
explore_start <- function(token) {
  force(token)
  function() {
    if (nzchar(token)) {
      inform("The address of this app ends with /?token=", token, class = "explore")
    }
    before <- options(shiny.maxRequestSize = 1)
    shiny::onStop(function() options(before))
  }
}

# Opens the browser at the address with the token
open_with_token <- function(token) {
  force(token)
  function(url) {
    address <- paste0(sub("/+$", "", url), "/", if (nzchar(token)) paste0("?token=", token))
    browser <- getOption("shiny.launch.browser", interactive())
    if (is.function(browser)) {
      browser(address)
    } else if (isTRUE(browser)) {
      utils::browseURL(address)
    }
  }
}

explore_page <- function(parts) {
  sliders <- lapply(names(parts$variables), function(v) {
    slider <- parts$variables[[v]]
    shiny::sliderInput(slider_id(v, parts), paste0(v, if (slider$percent) ", change in %" else ", change"),
      min = -slider$reach, max = slider$reach, value = 0, step = slider$step
    )
  })
  time <- if (!is.null(parts$time)) {
    shiny::selectInput("time", parts$names$time,
      choices = as.character(parts$time),
      selected = as.character(parts$time[ceiling(length(parts$time) / 2)])
    )
  }
  shiny::fluidPage(
    title = "firmmove", lang = "en",
    shiny::h2("What if this place were different?"),
    shiny::sidebarLayout(
      shiny::sidebarPanel(
        shiny::selectInput("place", "place", choices = parts$place), time, sliders,
        shiny::actionButton("reset", "all sliders to 0")
      ),
      shiny::mainPanel(
        shiny::uiOutput("headline"),
        shiny::plotOutput("picture", height = "420px"),
        shiny::h4("Firms at each place"), shiny::tableOutput("stocks"),
        shiny::h4("Largest changes of flows"), shiny::tableOutput("flows"),
        shiny::h4("The R code of this scenario"), shiny::verbatimTextOutput("code")
      )
    )
  )
}

# The id of the slider of a variable: its name, where that means nothing to the browser, else its number
slider_id <- function(v, parts) {
  paste0("change_", if (grepl("^[A-Za-z0-9_]+$", v)) v else match(v, names(parts$variables)))
}

# The one of `choices` that an input names, or NULL
offered <- function(x, choices) {
  at <- if (is.character(x) && !is.object(x) && length(x) == 1L) match(x, as.character(choices)) else NA
  if (is.na(at)) NULL else choices[[at]]
}

# Where an input has put a slider: a number within its reach
on_slider <- function(x, slider) {
  if (!is.numeric(x) || is.object(x) || length(x) != 1L || !is.finite(x)) {
    return(0)
  }
  max(-slider$reach, min(slider$reach, as.numeric(x)))
}

explore_server <- function(fit, parts, draws, seed) {
  force(fit)
  function(input, output, session) {
    change <- shiny::debounce(shiny::reactive({
      vapply(names(parts$variables), function(v) on_slider(input[[slider_id(v, parts)]], parts$variables[[v]]), 0)
    }), 400)
    place <- shiny::reactive(shiny::req(offered(input$place, parts$place)))
    time <- shiny::reactive(if (!is.null(parts$time)) shiny::req(offered(input$time, parts$time)))
    call <- shiny::reactive(scenario_call(place(), change(), parts, time(), draws, seed))
    result <- shiny::reactive(tryCatch(run_scenario(fit, call()), error = function(e) {
      shiny::validate(shiny::need(FALSE, conditionMessage(e)))
    }))
    shiny::observeEvent(input$reset, {
      for (v in names(parts$variables)) {
        shiny::updateSliderInput(session, slider_id(v, parts), value = 0)
      }
    })
    output$headline <- shiny::renderUI(explore_headline(result(), tipping_note(fit, place(), change(), parts, time())))
    output$picture <- shiny::renderPlot({
      shiny::req(result())
      ggplot2::autoplot(result())
    })
    output$stocks <- shiny::renderTable(explore_stocks(shiny::req(result())), digits = 2)
    output$flows <- shiny::renderTable(explore_flows(shiny::req(result())), digits = 2)
    output$code <- shiny::renderText(scenario_code(call()) %||% "# nothing is changed yet")
  }
}

explore_headline <- function(result, note) {
  if (is.null(result)) {
    return(shiny::p(id = "headline-text", "Move a slider: the model says where the firms go."))
  }
  leavers <- result$totals[result$totals$quantity == "leavers", ]
  shiny::tagList(
    shiny::p(id = "headline-text", sprintf(
      "Firms that leave: %s before, %s after the change.",
      format(leavers$before, digits = 4), format(leavers$after, digits = 4)
    )),
    if (!is.null(note)) shiny::div(id = "tipping-text", lapply(note, function(line) shiny::p(shiny::strong(line))))
  )
}

explore_stocks <- function(result) {
  columns <- c("place", "before", "after", "change", "conf.low", "conf.high")
  stocks <- result$stocks[order(-abs(result$stocks$change)), columns]
  stocks[, colSums(!is.na(stocks)) > 0, drop = FALSE]
}

explore_flows <- function(result) {
  flows <- result$flows[result$flows$from != result$flows$to | is.na(result$flows$from), ]
  flows <- flows[order(-abs(flows$change)), c("from", "to", "before", "after", "change")]
  utils::head(flows, 8L)
}
