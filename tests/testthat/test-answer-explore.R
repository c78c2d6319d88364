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
  call <- scenario_call("b", c(rent = -50, wage = 0), parts, 2L, draws = 10)
  expect_snapshot(cat(scenario_code(call)))
  expect_identical(str2lang(scenario_code(call)), call)
  result <- run_scenario(fit, call)
  direct <- counterfactual(fit,
    places = transform(places, rent = ifelse(place == "b", 0.5 * rent, rent)), subset = year == 2L, draws = 10, seed = 1
  )
  expect_equal(result$stocks, direct$stocks)
  expect_null(scenario_call("b", c(rent = 0, wage = 0), parts))
  expect_null(scenario_code(NULL))
  expect_null(run_scenario(fit, NULL))
  parts$variables$rent <- list(percent = FALSE, reach = 1, step = 0.1)
  expect_match(scenario_code(scenario_call("b", c(rent = -0.5), parts, draws = 0)), "rent - 0.5", fixed = TRUE)
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

test_that("names of places and columns are names in a scenario, whatever they look like", {
  places <- data.frame(
    place = c("a", "b\"); stop(\"ran\")", "<script>stop()</script>"), check.names = FALSE,
    `land price` = c(1, 2, 3), `x); stop("ran"` = c(3, 1, 2)
  )
  firms <- data.frame(firm = 1:60, from = rep(places$place, 20), to = rep(places$place, each = 20))
  fit <- fit_migration(~ `land price` + `x); stop("ran"`, migration_data(firms, places))
  parts <- explorable(fit)
  old <- options(OutDec = ",", scipen = 100)
  on.exit(options(old))
  for (place in places$place) {
    call <- scenario_call(place, c(`land price` = 50, `x); stop("ran"` = -25), parts, draws = 0)
    expect_identical(str2lang(scenario_code(call)), call)
    result <- run_scenario(fit, call)
    changed <- places
    at <- places$place == place
    changed[at, 2:3] <- changed[at, 2:3] * c(1.5, 0.75)
    expect_equal(result$stocks, counterfactual(fit, places = changed, draws = 0)$stocks)
  }
  page <- as.character(explore_page(parts))
  expect_no_match(page, "<script>stop", fixed = TRUE)
})

test_that("an input chooses among what is on offer and is nothing else", {
  e <- explored()
  expect_identical(offered("b", e$parts$place), "b")
  slider <- e$parts$variables$rent
  expect_identical(on_slider(-50L, slider), -50)
  expect_identical(on_slider(1e9, slider), slider$reach)
  other <- list(
    NULL, character(), NA, NA_character_, "z", c("a", "b"), quote(b), quote(stop("ran")), expression(b), list("b"), 1,
    TRUE, factor("b"), I("b"), structure("b", class = "shiny.symbol"), function() "b", raw(1), 1i
  )
  for (x in other) {
    expect_null(offered(x, e$parts$place))
  }
  for (x in c(other[-11], list(NaN, Inf, "50", Sys.Date(), c(1, 2)))) {
    expect_identical(on_slider(x, slider), 0)
  }
})

test_that("a page needs the token, and a connection the page", {
  skip_if_not_installed("shiny") # which reads the address
  guard <- list(token = "abc", origins = "https://r.example.org")
  expect_true(knows_token("?token=abc", guard))
  for (search in list(NULL, "", "?token=", "?token=abcd", "?token=ab", "?x=abc", c("?token=abc", "x"), quote(abc), NA, "?%")) {
    expect_false(knows_token(search, guard))
  }
  expect_true(knows_token(NULL, list(token = "")))
  from <- function(origin, host = "127.0.0.1:4321") from_own_page(list(HTTP_ORIGIN = origin, HTTP_HOST = host), guard)
  expect_true(from(NULL))
  expect_true(from("http://127.0.0.1:4321"))
  expect_true(from("https://r.example.org"))
  for (origin in c("http://evil.example", "null", "http://127.0.0.1:4322", "http://127.0.0.1:4321.evil.example", "")) {
    expect_false(from(origin))
  }
  expect_match(check_token(NULL), "^[0-9a-f]{32}$")
  expect_false(check_token(NULL) == check_token(NULL))
  expect_match(paste(secret_bytes(16L, "no such device"), collapse = ""), "^[0-9a-f]{32}$")
  expect_error(check_token("a b"), class = "firmmove_error_argument")
  skip_if_not_installed("shiny")
  app <- explore_migration(explored()$fit, token = "abc")
  expect_identical(app$options$host, "127.0.0.1")
  opened <- NULL
  old <- options(shiny.launch.browser = function(url) opened <<- url)
  on.exit(options(old))
  app$options$launch.browser("http://127.0.0.1:4321")
  expect_identical(opened, "http://127.0.0.1:4321/?token=abc")
})

#' Starts the app in a process of its own; gives its address, process number and log once it answers
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
    sprintf("shiny::runApp(explore_migration(fit, draws = 10, token = 'abc'), port = %d, launch.browser = FALSE)", port)
  ), script)
  log <- tempfile()
  system2(file.path(R.home("bin"), "Rscript"), script, stdout = log, stderr = log, wait = FALSE)
  address <- sprintf("http://127.0.0.1:%d", port)
  page <- paste0(address, "/?token=abc")
  for (i in 1:240) {
    if (answers(page)) {
      return(list(address = address, page = page, port = port, pid = as.integer(readLines(pid)), log = log))
    }
    Sys.sleep(0.25)
  }
  stop("the app did not start:\n", paste(readLines(log), collapse = "\n"))
}

answers <- function(address) {
  tryCatch(suppressWarnings(length(readLines(address, n = 1L)) > 0L), error = function(e) FALSE)
}

#' Speaks to the app over a connection of its own: sends messages, gives what came back within the seconds
speak <- function(app, messages, origin = NULL, seconds = 0.3) {
  socket <- websocket::WebSocket$new(
    sprintf("ws://127.0.0.1:%d/websocket/", app$port), autoConnect = FALSE, headers = if (!is.null(origin)) list(Origin = origin)
  )
  said <- character()
  socket$onMessage(function(event) said <<- c(said, if (is.character(event$data)) event$data else "bytes"))
  socket$onOpen(function(event) for (message in messages) try(socket$send(message), silent = TRUE))
  socket$connect()
  end <- Sys.time() + seconds
  while (Sys.time() < end) {
    later::run_now(0.02)
  }
  try(socket$close(), silent = TRUE)
  later::run_now(0.02)
  said
}

#' What a client may send: other types, other shapes, other messages; each would leave `mark` behind if it ran
hostile_messages <- function(mark) {
  code <- sprintf("file.create(\"%s\")", mark)
  text <- encodeString(code, quote = "\"")
  place <- sprintf("\"place%s\":", c("", ":shiny.symbol", ":shiny.date", ":shiny.password", ":shiny.matrix", ":shiny.file", ":no.such", ":shiny.datetime"))
  value <- c(text, "null", "{}", "[]", "[[[[]]]]", "1e999", sprintf("[%s,%s]", text, text), sprintf("{\"a\":%s}", text), "\"b\"", "true")
  inputs <- as.vector(outer(place, value, paste0))
  rest <- sprintf("\"time:shiny.symbol\":%s,\"change_rent:shiny.symbol\":%s,\"change_wage:shiny.number\":50,\"reset:shiny.action\":%s", text, text, "1")
  data <- sprintf("{%s,%s,\".clientdata_url_search\":\"?token=abc\"}", inputs, rest)
  c(
    sprintf("{\"method\":\"init\",\"data\":%s}", data), sprintf("{\"method\":\"update\",\"data\":%s}", data),
    sprintf("{\"method\":%s,\"args\":[%s],\"tag\":1}", c(text, "\"uploadInit\"", "\"uploadEnd\"", "\"eval\"", "\"system\"", "null", "[]"), text),
    "{", "", "[]", "null", "{\"method\":\"init\"}", strrep("a", 1e5), "\x01\x02"
  )
}

test_that("clients that send other types, origins and messages run no code and end no app", {
  skip_on_cran()
  skip_if_not_installed("shiny")
  skip_if_not_installed("websocket")
  app <- start_app(20000L + as.integer((Sys.getpid() + 7000L) %% 20000L))
  on.exit(tools::pskill(app$pid))
  mark <- tempfile("ran")
  good <- '{"method":"init","data":{"place":"b","change_rent":0,"change_wage":50,".clientdata_url_search":"?token=abc",".clientdata_output_code_hidden":false}}'
  first <- speak(app, sub("token=abc", "token=abd", good), seconds = 1)
  expect_no_match(first, "counterfactual", fixed = TRUE)
  expect_no_match(speak(app, good, origin = "http://evil.example", seconds = 1), "counterfactual", fixed = TRUE)
  expect_match(paste(speak(app, good, origin = app$address, seconds = 5), collapse = ""), "counterfactual", fixed = TRUE)
  # a longer attack is that of tools/test-faults.sh
  end <- Sys.time() + as.numeric(Sys.getenv("FIRMMOVE_ATTACK_SECONDS", "3"))
  messages <- hostile_messages(mark)
  sent <- 0L
  while (Sys.time() < end) {
    some <- sample(messages, 4L)
    speak(app, c(good, some), origin = sample(c(app$address, "http://evil.example", "null"), 1L), seconds = 0.1)
    sent <- sent + 4L
  }
  expect_gt(sent, 0L)
  expect_false(file.exists(mark))
  expect_true(answers(app$page))
  expect_false(answers(app$address))
  expect_match(paste(speak(app, good, seconds = 5), collapse = ""), "counterfactual", fixed = TRUE)
})

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
  page$Page$navigate(app$page)
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
