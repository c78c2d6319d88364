# A counterfactual changes something only if a term reads what is changed.

# Stops where tables have columns that are new or changed, and the model reads none of them
check_read <- function(object, old, new) {
  read <- read_columns(object)
  for (name in intersect(names(new), names(old))) {
    a <- old[[name]]
    b <- new[[name]]
    if (!is.data.frame(a) || !is.data.frame(b) || nrow(a) != nrow(b)) {
      next
    }
    fresh <- setdiff(names(b), names(a))
    common <- intersect(names(a), names(b))
    moved <- common[!vapply(common, function(k) identical(as.vector(a[[k]]), as.vector(b[[k]])), NA)]
    refuse_unread(name, fresh, moved, read, intersect(all.vars(object$formula), names(a)))
  }
}

refuse_unread <- function(table, fresh, moved, read, known) {
  unread <- setdiff(c(fresh, moved), read)
  if (length(unread) == 0L) {
    return(invisible())
  }
  near <- if (length(setdiff(fresh, read)) > 0L) nearest_name(setdiff(fresh, read)[1L], known)
  # a helper column beside one that is read is no mistake, unless its name is that of one that is
  if (length(intersect(c(fresh, moved), read)) > 0L && is.null(near)) {
    return(invisible())
  }
  abort(
    "No term of the model reads ", quote_names(unread), " of `", table, "`, so that changing ",
    if (length(unread) == 1L) "it" else "them", " changes nothing.",
    if (!is.null(near)) {
      paste0(" Did you mean `", near, "`?")
    } else if (length(known) > 0L) {
      paste0(" It reads ", quote_names(known, max = 20), ".")
    },
    class = "unread"
  )
}

# Names of all columns that terms, model, weights and keys read
read_columns <- function(object) {
  model <- unlist(Filter(is.character, unclass(object$model)), use.names = FALSE)
  formulas <- unlist(lapply(Filter(function(x) inherits(x, "formula"), unclass(object$model)), all.vars))
  available <- if (is.list(object$data$available)) object$data$available$column
  given <- unlist(lapply(as.list(object$call)[c("weights", "subset")], function(x) if (is.language(x)) all.vars(x)))
  unique(c(
    all.vars(object$formula), model_variables(object$model), model, formulas, unlist(object$data$names), available, given,
    "from", "to", "firm", "peer", "weight"
  ))
}
