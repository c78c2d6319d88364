# explore_migration(): a small shiny app on a fit. What the app does with its sliders is in three functions that
# know no shiny: explorable() (what can be moved), scenario_code() (the R code of a scenario) and run_scenario(),
# which runs that very code.

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
#' @param ... Not used.
#' @return A shiny app object: printing it (in an interactive session: calling the function) starts it.
#' @section Errors: Package shiny is not installed; a fit to long data, which has no table of places; no numeric
#'   attribute of places in the formula.
#' @seealso [counterfactual()], which the app calls; [tipping()]; [report_migration()] for a report that stays.
#' @examplesIf interactive()
#' fit <- fit_migration(~ push(land_price) + pull(governance) + distance, wenzhou_guzhen())
#' explore_migration(fit)
#' @export
explore_migration <- function(fit, variables = NULL, draws = 30, seed = 1, ...) {
  check_dots(...)
  need_shiny()
  need_ggplot2()
  parts <- explorable(fit, variables)
  shiny::shinyApp(explore_page(parts), explore_server(fit, parts, draws, seed))
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
    place = data$place, time = data$time, names = data$names, variables = lapply(
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

# The R code of a scenario. change: named numbers by variable, in per cent or units; 0 leaves a variable alone
scenario_code <- function(place, change, parts, time = NULL, draws = 30, seed = 1) {
  change <- change[change != 0]
  if (length(change) == 0L) {
    return(NULL)
  }
  new <- vapply(names(change), function(v) {
    by <- if (parts$variables[[v]]$percent) {
      paste0(format(1 + change[[v]] / 100, digits = 6), " * ", v)
    } else {
      paste0(v, if (change[[v]] < 0) " - " else " + ", format(abs(change[[v]]), digits = 6))
    }
    paste0("    ", v, " = ifelse(", parts$names$place, " == ", deparse1(place), ", ", by, ", ", v, ")")
  }, "")
  paste0(
    "counterfactual(fit,\n  places = transform(places,\n", paste(new, collapse = ",\n"), "\n  )",
    if (!is.null(time)) paste0(",\n  subset = ", parts$names$time, " == ", deparse1(time)),
    ",\n  draws = ", draws, if (draws > 0) paste0(", seed = ", seed), "\n)"
  )
}

# Runs the code of a scenario on a fit; NULL where nothing is changed
run_scenario <- function(fit, code) {
  if (is.null(code)) {
    return(NULL)
  }
  eval(parse(text = code)[[1L]], list(fit = fit), parent.env(environment()))
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

explore_page <- function(parts) {
  sliders <- lapply(names(parts$variables), function(v) {
    slider <- parts$variables[[v]]
    shiny::sliderInput(paste0("change_", v), paste0(v, if (slider$percent) ", change in %" else ", change"),
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

explore_server <- function(fit, parts, draws, seed) {
  force(fit)
  function(input, output, session) {
    change <- shiny::debounce(shiny::reactive({
      vapply(names(parts$variables), function(v) as.numeric(input[[paste0("change_", v)]] %||% 0), 0)
    }), 400)
    time <- shiny::reactive(if (!is.null(parts$time)) parts$time[match(input$time, as.character(parts$time))])
    code <- shiny::reactive(scenario_code(input$place, change(), parts, time(), draws, seed))
    result <- shiny::reactive(tryCatch(run_scenario(fit, code()), error = function(e) {
      shiny::validate(shiny::need(FALSE, conditionMessage(e)))
    }))
    shiny::observeEvent(input$reset, {
      for (v in names(parts$variables)) shiny::updateSliderInput(session, paste0("change_", v), value = 0)
    })
    output$headline <- shiny::renderUI(explore_headline(result(), tipping_note(fit, input$place, change(), parts, time())))
    output$picture <- shiny::renderPlot({
      shiny::req(result())
      ggplot2::autoplot(result())
    })
    output$stocks <- shiny::renderTable(explore_stocks(shiny::req(result())), digits = 2)
    output$flows <- shiny::renderTable(explore_flows(shiny::req(result())), digits = 2)
    output$code <- shiny::renderText(code() %||% "# nothing is changed yet")
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
