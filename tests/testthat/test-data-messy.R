# One register with the traps of real ones all at once: each must be said, once, in a message that names it.

messy_register <- function() {
  lamps <- wenzhou_guzhen()
  firms <- lamps$firms[lamps$firms$year %in% 1997:2002, ]
  ties <- lamps$ties[[1L]]$data
  # a place gets another name in 2000
  firms$to[firms$to == "Guzhen" & firms$year >= 2000] <- "GuzhenNEW"
  firms$from[firms$from == "Guzhen" & firms$year > 2000] <- "GuzhenNEW"
  renamed <- function(table, column) {
    also <- table[table[[column]] == "Guzhen", ]
    also[[column]] <- "GuzhenNEW"
    rbind(table, also)
  }
  ties <- renamed(renamed(ties, "from"), "to")
  ties <- ties[!(ties$from == ties$to), ]
  twins <- data.frame(
    from = c("Guzhen", "GuzhenNEW"), to = c("GuzhenNEW", "Guzhen"), distance = 1, same_province = 1, same_dialect = 1
  )
  places <- renamed(lamps$places, "place")
  # one place is not measured in its first years, forty firms are gone for a while
  places$environment[places$place == "Yiwu" & places$year < 1999] <- NA
  gone <- seq(25, nrow(firms) - 25, length.out = 40)
  firms$to[gone] <- NA
  list(firms = firms, places = places, ties = rbind(ties, twins))
}

# What an expression says, in order
said <- function(expr) {
  text <- character()
  value <- withCallingHandlers(expr, condition = function(condition) {
    if (inherits(condition, c("firmmove_warning", "firmmove_message"))) {
      text <<- c(text, conditionMessage(condition))
      invokeRestart(if (inherits(condition, "warning")) "muffleWarning" else "muffleMessage")
    }
  })
  list(value = value, text = text)
}

test_that("each trap of a messy register is said in one message", {
  tables <- messy_register()
  made <- said(migration_data(tables$firms, tables$places, tables$ties, time = "year"))
  once <- function(text, pattern) expect_equal(sum(grepl(pattern, text)), 1L, info = pattern)
  once(made$text, "firms Guzhen -> GuzhenNEW in 2000: a new name\\?")
  once(made$text, "opens again")
  fit <- said(fit_migration(~ environment + log(distance) + keep(log(size)), made$value))
  once(fit$text, "`environment` is missing for `Yiwu`, which costs [0-9,]+ occasions of [0-9,]+ \\([0-9]+%\\)")
  expect_lt(fit$value$n, sum(!is.na(made$value$firms$to)))
  movers <- said(fit_migration(~ environment + log(distance), said(subset(made$value, from != to))$value))
  once(movers$text, "No firm stays in these data")
  expect_lt(coef(movers$value)[["log(distance)"]], 0)
})
