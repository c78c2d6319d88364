#' firmmove: who leaves, for where, why, and what it does to clusters
#'
#' Models of the relocation of firms between places and decompositions of the
#' performance of clusters that firms leave and reach. The kernels are plain C.
#'
#' @section Where to start:
#' * [migration_data()] takes the tables as they come: firms, places, ties
#'   between them and a network of firms. [choice_data()] takes long data, one
#'   row per occasion and offered place. [as_migration_data()] converts.
#' * [fit_migration()] fits a model of the choice between staying and moving to
#'   each place, from a formula.
#' * [as_flows()] counts the moves between places.
#'
#' @section Words:
#' An **occasion** is one firm deciding once. A **place** is an alternative. The
#' **origin** is the place at the start of the occasion; a firm **stays** when
#' the chosen place is its origin and is a **mover** otherwise. A **tie** is an
#' attribute of a pair, origin and place or firm and place; a **network** links
#' firms to firms. **Push** is an attribute of the origin acting on leaving,
#' **pull** an attribute of a place acting on moving there, **keep** an attribute
#' of the firm acting on staying.
#'
#' @section Progress:
#' What takes more than two seconds shows how far it is and the time left, in an interactive session. Scripts and
#' documents are silent. `options(firmmove.progress = FALSE)` silences all, `TRUE` shows the bars everywhere; where they
#' go and when they start is cli's matter (`options(cli.progress_show_after = 2)`).
#'
#' @useDynLib firmmove, .registration = TRUE, .fixes = "C_"
#' @importFrom generics tidy glance augment
#' @importFrom stats AIC BIC anova as.formula coef confint deviance formula
#'   family fitted logLik model.frame model.matrix na.omit nobs pchisq pnorm
#'   predict qnorm residuals runif simulate setNames terms update vcov weights
#' @importFrom utils head tail
#' @seealso [fit_migration()], [migration_data()], [migration_formula], [attribute_moves()], [counterfactual()],
#'   [decompose_cluster()], [write_store()].
#' @keywords internal
"_PACKAGE"

# the pronoun of ggplot2's aes(), which R CMD check takes for a variable
utils::globalVariables(".data")

.onLoad <- function(libname, pkgname) {
  loaded_in$process <- Sys.getpid()
  announce_fits()
}
