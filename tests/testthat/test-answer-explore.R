explored <- function() {
  fit <- fit_migration(~ push(rent) + wage + distance, relocation_data())
  list(fit = fit, parts = explorable(fit))
}

test_that("sliders are the numeric attributes of places in the formula", {
  parts <- explored()$parts
  expect_named(parts$variables, c("rent", "wage"))
  expect_true(parts$variables$rent$percent)
  expect_false(slider_of(c(-1, 0, 1))$percent)
  fit <- explored()$fit
  expect_snapshot(error = TRUE, explorable(fit, "rents"))
  expect_snapshot(error = TRUE, explorable(1))
  expect_snapshot(error = TRUE, explorable(fit_migration(~ x, ragged_data())))
  expect_snapshot(error = TRUE, explorable(fit_migration(~ distance, relocation_data())))
  expect_snapshot(error = TRUE, need_shiny(installed = FALSE))
})

test_that("the code of a scenario runs and is the scenario", {
  fit <- explored()$fit
  parts <- explored()$parts
  code <- scenario_code("b", c(rent = -50, wage = 0), parts, 2L, draws = 10)
  expect_snapshot(cat(code))
  result <- run_scenario(fit, code)
  direct <- counterfactual(fit,
    places = transform(places, rent = ifelse(place == "b", 0.5 * rent, rent)), subset = year == 2L, draws = 10, seed = 1
  )
  expect_equal(result$stocks, direct$stocks)
  expect_null(scenario_code("b", c(rent = 0, wage = 0), parts))
  expect_null(run_scenario(fit, NULL))
  parts$variables$rent <- list(percent = FALSE, reach = 1, step = 0.1)
  expect_match(scenario_code("b", c(rent = -0.5), parts, draws = 0), "rent - 0.5", fixed = TRUE)
})

test_that("the server answers a slider with stocks, flows and code", {
  skip_if_not_installed("shiny")
  e <- explored()
  shiny::testServer(explore_server(e$fit, e$parts, draws = 0, seed = 1), {
    session$setInputs(place = "b", time = "1", change_rent = 0, change_wage = 0)
    session$elapse(500)
    expect_match(output$headline$html, "Move a slider")
    expect_match(output$code, "nothing is changed")
    session$setInputs(change_wage = 50)
    session$elapse(500)
    expect_match(output$code, "1.5 * wage", fixed = TRUE)
    expect_match(output$headline$html, "Firms that leave")
    expect_match(output$stocks, "<td> b </td>", fixed = TRUE)
    expect_match(output$flows, "<table", fixed = TRUE)
    direct <- counterfactual(e$fit,
      places = transform(places, wage = ifelse(place == "b", 1.5 * wage, wage)), subset = year == 1, draws = 0
    )
    expect_match(output$stocks, formatC(max(direct$stocks$change), digits = 2, format = "f"), fixed = TRUE)
  })
})

test_that("tipping is that of tipping(), group by group, on the way of the sliders", {
  fit <- two_place_fit(-0.2, 3, c(x = 0.9, y = 0.06))
  parts <- explorable(fit)
  found <- tipping_on_the_way(fit, "a", list(charm = -0.6))
  alone <- tipping(fit, "a", "charm", group = "x", range = c(-2, 2))[2L, ]
  expect_identical(found$group, "x")
  expect_equal(-0.2 - 0.4 * found$way, alone$threshold, tolerance = 1e-3)
  expect_equal(found$firms, alone$firms, tolerance = 1e-2)
  # just short of the fold nothing jumps, though the share moves
  expect_null(tipping_on_the_way(fit, "a", list(charm = alone$threshold + 0.01)))
  expect_equal(scenario_target(fit, "a", c(charm = -0.4), parts), list(charm = -0.6))
  expect_snapshot(writeLines(tipping_note(fit, "a", c(charm = -0.4), parts)))
  expect_snapshot(writeLines(tipping_note(fit, "a", c(charm = -0.1), parts)))
  expect_null(tipping_note(fit, "a", c(charm = 0), parts))
  expect_null(tipping_note(explored()$fit, "b", c(rent = 50), explored()$parts, 1L))
  panel <- fit_of("chain")
  expect_equal(scenario_target(panel, "b", c(rent = -50), explorable(panel), 2L),
    list(rent = 0.5 * panel$data$places$rent[panel$data$places$place == "b" & panel$data$places$year == 2])
  )
  skip_if_not_installed("shiny")
  shiny::testServer(explore_server(fit, parts, draws = 0, seed = 1), {
    session$setInputs(place = "a", change_charm = -0.1)
    session$elapse(500)
    expect_match(output$headline$html, "No tipping point is passed")
    session$setInputs(change_charm = -0.4)
    session$elapse(500)
    expect_match(output$headline$html, "A tipping point is passed: .* the firms of x jump")
  })
})

#' Starts the app in a process of its own; gives its address and process number once it answers
start_app <- function(port) {
  script <- tempfile(fileext = ".R")
  pid <- tempfile()
  writeLines(c(
    sprintf("writeLines(as.character(Sys.getpid()), %s)", deparse1(pid)),
    sprintf(".libPaths(%s)", deparse1(.libPaths())),
    "library(firmmove)",
    "set.seed(1)",
    "towns <- data.frame(place = c('a', 'b', 'c'), rent = c(1, 2, 3), wage = c(3, 1, 2))",
    "from <- sample(towns$place, 300, replace = TRUE)",
    "u <- outer(from, towns$place, '==') - 0.8 * rep(towns$rent, each = 300) - log(-log(matrix(runif(900), 300)))",
    "firms <- data.frame(firm = 1:300, from = from, to = towns$place[max.col(u)])",
    "fit <- fit_migration(~ rent + wage, migration_data(firms, towns))",
    sprintf("shiny::runApp(explore_migration(fit, draws = 10), port = %d, launch.browser = FALSE)", port)
  ), script)
  log <- tempfile()
  system2(file.path(R.home("bin"), "Rscript"), script, stdout = log, stderr = log, wait = FALSE)
  address <- sprintf("http://127.0.0.1:%d", port)
  for (i in 1:120) {
    alive <- tryCatch(suppressWarnings(length(readLines(address, n = 1L)) > 0), error = function(e) FALSE)
    if (alive) return(list(address = address, pid = as.integer(readLines(pid))))
    Sys.sleep(0.25)
  }
  stop("the app did not start:\n", paste(readLines(log), collapse = "\n"))
}

#' The value of a JavaScript expression once it is TRUE or up to 30 seconds have gone
wait_for <- function(page, condition) {
  for (i in 1:120) {
    if (isTRUE(page$Runtime$evaluate(condition)$result$value)) return(TRUE)
    Sys.sleep(0.25)
  }
  FALSE
}

test_that("in a browser the app starts, answers a slider and shows changed flows", {
  skip_on_cran()
  skip_if_not_installed("shiny")
  skip_if_not_installed("ggplot2")
  skip_if_not_installed("chromote")
  skip_if(is.null(suppressMessages(chromote::find_chrome())), "no Chrome or Chromium")
  old <- chromote::set_chrome_args(c("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"))
  on.exit(chromote::set_chrome_args(old))
  app <- start_app(20000L + as.integer(Sys.getpid() %% 20000L))
  on.exit(tools::pskill(app$pid), add = TRUE)
  page <- chromote::ChromoteSession$new()
  on.exit(page$close(), add = TRUE)
  page$Page$navigate(app$address)
  text <- function(id) sprintf("document.getElementById('%s').textContent", id)
  expect_true(wait_for(page, paste0("!!document.getElementById('headline-text') && ", text("headline-text"), ".includes('Move a slider')")))
  page$Runtime$evaluate("$('#change_rent').data('ionRangeSlider').update({from: -50})")
  expect_true(wait_for(page, paste0(text("headline-text"), ".includes('Firms that leave')")))
  expect_true(wait_for(page, "document.querySelectorAll('#flows table tr').length > 2"))
  expect_true(wait_for(page, "!!document.querySelector('#picture img')"))
  expect_match(page$Runtime$evaluate(text("code"))$result$value, "0.5 * rent", fixed = TRUE)
  before <- page$Runtime$evaluate(text("stocks"))$result$value
  page$Runtime$evaluate("$('#change_rent').data('ionRangeSlider').update({from: 50})")
  expect_true(wait_for(page, sprintf("%s !== %s && %s.includes('1.5 * rent')", text("stocks"), deparse1(before), text("code"))))
  errors <- page$Runtime$evaluate("document.querySelectorAll('.shiny-output-error').length")$result$value
  expect_identical(errors, 0L)
})
