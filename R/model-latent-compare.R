#' @title Compare numbers of latent classes
#' @description Fits the [latent()] model with each number of classes and lists the criteria by which one is chosen.
#' With log-likelihood \eqn{L}, \eqn{k} parameters and \eqn{n} firms:
#'
#' | column | criterion |
#' |---|---|
#' | `AIC` | \eqn{-2L + 2k} |
#' | `BIC` | \eqn{-2L + k \log n}{-2L + k log n} |
#' | `CAIC` | \eqn{-2L + k (\log n + 1)}{-2L + k (log n + 1)} |
#' | `aBIC` | \eqn{-2L + k \log((n + 2)/24)}{-2L + k log((n + 2)/24)}, the sample-size adjusted BIC |
#' | `entropy_r2` | how certain the classes of firms are, from 0 to 1; see [latent()] |
#' | `smallest` | share of the smallest class |
#'
#' Lower is better for the first four. A likelihood-ratio test of \eqn{C} against \eqn{C - 1} classes is not
#' chi-squared: the smaller model lies on the edge of the larger. BIC mostly finds the number of classes, AIC
#' takes too many (Nylund, Asparouhov and Muthen 2007). A class of a few firms, or one that separates, is a sign of one
#' too many whatever the criteria say.
#'
#' @param formula,data,... As in [fit_migration()].
#' @param classes Numbers of classes.
#' @param model A [latent()] model whose other arguments are used for all.
#' @param x,object A comparison.
#' @param row.names,optional Not used.
#'
#' @return A data frame of class `class_comparison` with a row for each number of classes: `classes`, `logLik`, `df`,
#'   the criteria, `converged`, `reached` (how many starts found the maximum) and `starts`. The fits are
#'   `attr(, "fits")`. Warnings of a fit say with how many classes it was.
#' @references Nylund, K. L., Asparouhov, T. and Muthen, B. O. (2007). Deciding on the number of classes in latent class
#'   analysis and growth mixture modeling. *Structural Equation Modeling* 14, 535-569. \doi{10.1080/10705510701575396}
#' @seealso [latent()]
#' @examples
#' data <- wenzhou_guzhen()
#' table <- compare_classes(~ push(technology) + log(distance), data,
#'   classes = 1:2, model = latent(starts = 1), subset = year %in% 1997:2000
#' )
#' table
#' attr(table, "fits")[[2]]
#' @export
compare_classes <- function(formula, data, classes = 1:4, model = latent(), ...) {
  if (!inherits(model, "latent_model")) {
    abort("`model` must be a latent() model.", class = "argument")
  }
  if (length(classes) == 0L) {
    abort("`classes` must be whole numbers of at least 1, like 1:4.", class = "argument")
  }
  classes <- sort(unique(vapply(classes, check_count, 0L, name = "classes")))
  call <- match.call()
  call[[1L]] <- quote(firmmove::fit_migration)
  call$classes <- NULL
  env <- parent.frame()
  tick <- progress("Numbers of classes", length(classes))
  fits <- lapply(classes, function(number) {
    tick()
    model$classes <- number
    call$model <- model
    saying_classes(number, eval(call, env))
  })
  structure(
    do.call(rbind, lapply(fits, class_criteria)),
    fits = stats::setNames(fits, classes), class = c("class_comparison", "data.frame")
  )
}

# Warnings and messages of a fit say how many classes it had
saying_classes <- function(number, value) {
  prefix <- paste0("With ", plural(number, "class", "classes"), ": ")
  again <- function(signal, restart) {
    function(condition) {
      if (!startsWith(conditionMessage(condition), prefix)) {
        condition$message <- paste0(prefix, conditionMessage(condition))
        signal(condition)
        invokeRestart(restart)
      }
    }
  }
  withCallingHandlers(value,
    firmmove_warning = again(warning, "muffleWarning"), firmmove_message = again(message, "muffleMessage")
  )
}

class_criteria <- function(fit) {
  n <- max(fit$design$group)
  k <- fit$df
  starts <- fit$starts
  criterion <- function(penalty) -2 * fit$loglik + penalty * k
  best <- fit$loglik
  data.frame(
    classes = fit$model$classes, logLik = fit$loglik, df = k, AIC = criterion(2), BIC = criterion(log(n)),
    CAIC = criterion(log(n) + 1), aBIC = criterion(log((n + 2) / 24)), entropy_r2 = fit$entropy_r2,
    smallest = min(fit$shares), converged = fit$convergence$code == 0L,
    reached = sum(starts$converged & starts$loglik > best - 1e-6 * (1 + abs(best))), starts = nrow(starts)
  )
}

#' @rdname compare_classes
#' @export
print.class_comparison <- function(x, ...) {
  table <- as.data.frame(x)
  criteria <- c("AIC", "BIC", "CAIC", "aBIC")
  shown <- table
  shown[c("logLik", criteria)] <- lapply(table[c("logLik", criteria)], formatC, digits = 1, format = "f")
  for (name in criteria) {
    mark <- ifelse(table[[name]] == min(table[[name]]), "*", " ")
    shown[[name]] <- paste0(shown[[name]], mark)
  }
  shown[c("entropy_r2", "smallest")] <- lapply(table[c("entropy_r2", "smallest")], function(value) {
    ifelse(is.na(value), "", formatC(value, digits = 3, format = "f"))
  })
  print.data.frame(shown, row.names = FALSE)
  cat("* lowest; n = ", format_count(max(attr(x, "fits")[[1L]]$design$group)), " firms\n", sep = "")
  invisible(x)
}

#' @rdname compare_classes
#' @export
as.data.frame.class_comparison <- function(x, row.names = NULL, optional = FALSE, ...) {
  attr(x, "fits") <- NULL
  class(x) <- "data.frame"
  x
}

#' @rdname compare_classes
#' @export
plot.class_comparison <- function(x, ...) {
  need_ggplot2()
  picture <- autoplot.class_comparison(x, ...)
  print(picture)
  invisible(picture)
}

#' @rdname compare_classes
#' @exportS3Method ggplot2::autoplot class_comparison
autoplot.class_comparison <- function(object, ...) {
  need_ggplot2()
  criteria <- c("AIC", "BIC", "CAIC", "aBIC")
  long <- data.frame(
    classes = rep(object$classes, length(criteria)), value = unlist(as.data.frame(object)[criteria], use.names = FALSE),
    criterion = factor(rep(criteria, each = nrow(object)), criteria)
  )
  long$lowest <- long$value == stats::ave(long$value, long$criterion, FUN = min)
  ggplot2::ggplot(long, ggplot2::aes(x = .data$classes, y = .data$value, linetype = .data$criterion)) +
    ggplot2::geom_line() +
    ggplot2::geom_point(ggplot2::aes(shape = .data$lowest), size = 2.5) +
    ggplot2::scale_shape_manual(values = c(`FALSE` = 1, `TRUE` = 16), labels = c("higher", "lowest"), name = NULL) +
    ggplot2::scale_linetype_manual(values = c(AIC = "solid", BIC = "42", CAIC = "11", aBIC = "4313")) +
    ggplot2::scale_x_continuous(breaks = object$classes) +
    ggplot2::labs(x = "classes", y = "criterion", linetype = NULL, title = "How many classes?") +
    ggplot2::theme_bw() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
}
