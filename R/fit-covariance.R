# Which covariance a user asks for: `vcov =` as other packages write it, beside `type` and `cluster` of
# vcov.migration_fit(), and the clusters that a formula names.

# What vcov.migration_fit() is to compute: list(type, cluster, matrix); `type` NULL where the user gave none. `vcov` is
# a matrix, a function of the fit, a word, a one-sided formula of clusters, or a list of arguments of
# vcov.migration_fit().
asked_covariance <- function(object, vcov = NULL, type = NULL, cluster = NULL) {
  if (inherits(vcov, "asked_covariance")) {
    return(vcov)
  }
  if (is.null(vcov) || isTRUE(vcov)) {
    return(typed_covariance(type, cluster))
  }
  if (!is.null(type) || !is.null(cluster)) {
    abort(
      "`vcov` says which covariance, and so does `", if (is.null(type)) "cluster" else "type", "`: give one of them.",
      class = "argument"
    )
  }
  if (is.function(vcov)) {
    vcov <- covariance_of_function(object, vcov)
  }
  if (inherits(vcov, "formula")) {
    return(typed_covariance("cluster", vcov))
  }
  if (is.matrix(vcov)) {
    return(new_asked("given", matrix = given_covariance(object, vcov)))
  }
  if (is.list(vcov) && !is.data.frame(vcov)) {
    return(listed_covariance(object, vcov))
  }
  word <- covariance_word(vcov)
  if (word == "HC1") new_asked(word) else typed_covariance(word, NULL)
}

new_asked <- function(type, cluster = NULL, matrix = NULL) {
  structure(list(type = type, cluster = cluster, matrix = matrix), class = "asked_covariance")
}

covariance_types <- c("hessian", "opg", "robust", "cluster")

typed_covariance <- function(type, cluster) {
  type <- if (is.null(type)) {
    if (is.null(cluster)) "hessian" else "cluster"
  } else {
    check_choice(type, "type", covariance_types)
  }
  if (type != "cluster" && !is.null(cluster)) {
    abort("`cluster` is for type = \"cluster\", not \"", type, "\".", class = "argument")
  }
  new_asked(type, cluster)
}

# Words of other packages for what this one has too; those with a factor of small samples it has not
covariance_word <- function(word) {
  same <- c(
    iid = "hessian", standard = "hessian", classical = "hessian", constant = "hessian", hc0 = "robust", hc = "robust",
    hc1 = "HC1", stata = "HC1"
  )
  if (!is.character(word) || length(word) != 1L || is.na(word)) {
    abort(
      "`vcov` must be a matrix, a function of the fit, a formula like ~ firm, or one of ",
      quote_names(covariance_types), "; not ", describe_type(word), ".",
      class = "argument"
    )
  }
  known <- tolower(word)
  known <- if (known %in% names(same)) same[[known]] else known
  if (!known %in% c(covariance_types, "HC1")) {
    near <- nearest_name(word, covariance_types)
    abort(
      "There is no `vcov` \"", word, "\": it is one of ", quote_names(c(covariance_types, "iid", "HC0", "HC1"), 7),
      ", a matrix, a function of the fit, or a formula like ~ firm.", if (!is.null(near)) {
        paste0(" The nearest is `", near, "`.")
      },
      class = "argument"
    )
  }
  known
}

covariance_of_function <- function(object, fun) {
  value <- fun(object)
  if (!is.matrix(value)) {
    abort("The function `vcov` gave ", describe_type(value), " of the fit, not a matrix.", class = "argument")
  }
  value
}

# list(cluster = ~ firm), as the arguments of vcov.migration_fit(); or list(v), as modelsummary has it
listed_covariance <- function(object, given) {
  if (length(given) == 0L) {
    return(typed_covariance(NULL, NULL))
  }
  if (is.null(names(given)) && length(given) == 1L) {
    return(asked_covariance(object, given[[1L]]))
  }
  unknown <- setdiff(names(given) %||% "", c("vcov", "type", "cluster"))
  if (length(unknown) > 0L) {
    abort(
      "As a list `vcov` has `type` and `cluster` of vcov(), like list(cluster = ~ firm)",
      if (nzchar(unknown[1L])) paste0("; there is no `", unknown[1L], "`"), ".",
      class = "argument"
    )
  }
  asked_covariance(object, given$vcov, given$type, given$cluster)
}

# A covariance from elsewhere, of the estimated coefficients in their order
given_covariance <- function(object, v) {
  wanted <- names(object$coefficients)[object$estimated]
  if (!is.numeric(v) || nrow(v) != ncol(v)) {
    abort("`vcov` must be a square matrix of numbers, not ", nrow(v), " x ", ncol(v), ".", class = "argument")
  }
  names <- rownames(v) %||% colnames(v)
  if (is.null(names)) {
    kept <- if (nrow(v) == length(wanted)) rep(TRUE, nrow(v)) else object$estimated
    if (length(kept) != nrow(v)) {
      abort(
        "`vcov` has ", plural(nrow(v), "row"), "; the fit has ", plural(length(wanted), "estimated coefficient"), ": ",
        quote_names(wanted, max = 20), ".",
        class = "argument"
      )
    }
    return(named_square(v[kept, kept, drop = FALSE], wanted))
  }
  lacking <- setdiff(wanted, names)
  if (length(lacking) > 0L) {
    abort("`vcov` has no row for ", quote_names(lacking), ".", class = "argument")
  }
  at <- match(wanted, names)
  named_square(v[at, at, drop = FALSE], wanted)
}

# Clusters of a formula ---------------------------------------------------------------------------------

# One or two clusterings, a vector each, from the terms of a formula: each is evaluated in the rows of the data, then
# where the formula was written. `a:b` and `a^b` are the intersection.
cluster_terms <- function(cluster, frame) {
  if (length(cluster) != 2L) {
    abort("`cluster` must be a one-sided formula, like ~ firm.", class = "cluster")
  }
  lapply(sum_parts(cluster[[2L]]), cluster_values, frame = frame, env = environment(cluster))
}

# a + b as list(a, b)
sum_parts <- function(part) {
  if (is.call(part) && identical(part[[1L]], quote(`+`)) && length(part) == 3L) {
    return(c(sum_parts(part[[2L]]), sum_parts(part[[3L]])))
  }
  if (is.call(part) && identical(part[[1L]], quote(`(`))) {
    return(sum_parts(part[[2L]]))
  }
  list(part)
}

cluster_values <- function(part, frame, env) {
  if (is.call(part) && length(part) == 3L && as.character(part[[1L]])[1L] %in% c(":", "^")) {
    sides <- lapply(as.list(part)[-1L], cluster_values, frame = frame, env = env)
    return(joint_values(sides[[1L]], sides[[2L]]))
  }
  check_cluster_names(cluster_unknown(part, frame, env), names(frame))
  value <- tryCatch(eval(part, frame, env), error = function(e) {
    abort("`cluster = ~ ", deparse1(part), "` cannot be evaluated: ", conditionMessage(e), ".", class = "cluster")
  })
  if (!is.atomic(value) || !is.null(dim(value)) || length(value) != nrow(frame)) {
    abort(
      "`cluster = ~ ", deparse1(part), "` must give a value for each of the ", plural(nrow(frame), "row"),
      " of the data", if (is.atomic(value)) paste0("; it has ", plural(length(value), "value")), ".",
      class = "cluster"
    )
  }
  value
}

# Variables that are neither columns nor, within an expression, known where the formula was written
cluster_unknown <- function(part, frame, env) {
  names <- setdiff(all.vars(part), names(frame))
  if (is.name(part)) {
    return(names)
  }
  names[!vapply(names, exists, NA, envir = env)]
}

# A number for each pair of values that occurs; NA where one is missing
joint_values <- function(a, b) {
  code <- function(x) ifelse(is.na(x), NA, match(x, unique(x)))
  first <- code(a)
  (first - 1) * (max(0, code(b), na.rm = TRUE) + 1) + code(b)
}

# "firm (1,182) and town (12)": the clusters of a formula with their numbers
cluster_labels <- function(cluster) {
  vapply(sum_parts(cluster[[2L]]), deparse1, "")
}
