#' What a place does to firms, and who comes
#'
#' @description
#' `decompose_places()` tells apart what a cluster does to a firm and which firms are in it. Firms that move tell the
#' two apart: performance is a sum of an effect of the firm, an effect of the place, periods and controls. The variances
#' of these effects and their covariance (sorting) are corrected for the few movers that tie a place, exactly and
#' without random numbers, as there are few places; effects have errors, shrunken values and a covariance for ranks.
#'
#' @details
#' Firm \eqn{i} in period \eqn{t} is at place \eqn{j(i,t)}:
#' \deqn{y_{it} = \alpha_i + \psi_{j(i,t)} + \tau_t + z_{it}'b + e_{it} .}{y_it = alpha_i + psi_j(i,t) + tau_t + z_it'b
#' + e_it.} Effects of places \eqn{\psi} have the mean 0 over rows. The variance of performance over rows is
#' \deqn{V(y) = V(\psi) + 2 C(\alpha, \psi) + V(\alpha) + \textrm{controls} + \textrm{residual} .}{V(y) = V(psi) + 2
#' C(alpha, psi) + V(alpha) + controls + residual.} Each is a quadratic form \eqn{\theta = y'By}. Put in with estimated
#' effects (`plugin`) \eqn{V(\psi)} is too large and \eqn{C(\alpha,\psi)} too small by \eqn{\textrm{tr}(B\,\Omega)}{tr(B
#' Omega)}, \eqn{\Omega} the covariance of the errors: the fewer movers, the more. Two corrections:
#' * `homoskedastic` (Andrews, Gill, Schank and Upward): \eqn{\Omega = s^2 I}.
#' * `leave_out` (Kline, Saggio and Solvsten): \eqn{\theta - \sum_c \textrm{tr}(B_{cc}\, y_c r_c')}{theta - sum_c
#'   tr(B_cc y_c r_c')} with \eqn{r_c = (I - P_{cc})^{-1} e_c}, the residual of the rows \eqn{c} predicted without them.
#'   `leave` says what is left out: a `"firm"`, a `"match"` (the rows of a firm at one place) or a `"row"`. Errors of a
#'   firm hang together over the years; leaving out rows or matches then leaves part of the bias. So the firm is the
#'   default, and its own level drops out of the correction. The variance of \eqn{\alpha} cannot be told from lasting
#'   errors of a firm: its correction is always by rows, and is right when errors are independent.
#'
#' *Errors.* The effects' covariance is that of leaving out each firm in turn,
#' \eqn{\sum_i (\hat\psi - \hat\psi_{(-i)})(\hat\psi - \hat\psi_{(-i)})'}{sum_i (psi - psi_(-i))(psi - psi_(-i))'}. The
#' error of the leave-out \eqn{V(\psi)} is that of the quadratic form \eqn{\sum_{i \ne l} z_i'C_{il}z_l}{sum over i != l
#' of z_i'C_il z_l}, by leaving firms out too; it is an honest guide from some 10 movers a place on. Its limits are
#' those of \eqn{t} with as many degrees of freedom as there are places, less one. No error is given for the other
#' variances.
#'
#' *Shrinkage.* \eqn{\lambda_j = \tau^2/(\tau^2 + se_j^2)} with \eqn{\tau^2} the leave-out \eqn{V(\psi)}; `shrunk` is
#' \eqn{\lambda_j\psi_j + (1-\lambda_j)} times 0, or times what the attributes of `project` say.
#'
#' *Gap.* The mean performance of two groups of clusters differs by what their places do, by who is there and by
#' controls (Finkelstein, Gentzkow and Williams). The errors are those of drawing firms anew.
#'
#' *Projection.* \eqn{\gamma = (Z'wZ)^{-1}Z'w\psi}, \eqn{w} the weight of rows; errors from the covariance of the
#' effects.
#'
#' *Symmetry.* With additive effects a move from quartile \eqn{a} of the places (by mean performance, without the rows
#' before and after the move) to \eqn{b} wins what a move from \eqn{b} to \eqn{a} loses (Card, Heining and Kline):
#' `difference` is their sum.
#'
#' *The set.* Effects are comparable among places that movers tie. Kept is the largest set that stays in one piece
#' whichever single firm is left out; `set` counts what is dropped and `notes` names the places.
#'
#' @section What the numbers do not say:
#' Effects are causes only if moves have nothing to do with shocks, given the firm and the controls. [move_events()]
#' shows whether performance moves before firms do; [selection_terms()] models that movers choose. Effects are those for
#' firms that move. Effects that grow with the stay, or differ between good firms and others, are averaged. A correction
#' below 0 says that the variance cannot be told from 0; it is reported as it is.
#'
#' @param data Data frame (tibble, data.table) with a row per firm and period, in any order; or a [migration_data()] or
#'   an [open_store()].
#' @param performance Name of the column with the firms' performance, most often a logarithm.
#' @param firm,cluster,time Names of the columns that say which firm, where it is (`NA`: it has closed) and when. For a
#'   `migration_data` they are the firm, the place `to` and the time, unless named.
#' @param weight `NULL`, or the name of a column of weights (jobs). They enter the averages, variances and gaps; the
#'   effects are fitted without them.
#' @param controls One-sided formula of controls, or `NULL`. `time` (or the name of that column) stands for a dummy for
#'   each period.
#' @param leave What is left out to correct: `"firm"`, `"match"` or `"row"`.
#' @param groups `NULL`, or a named list of vectors of clusters: each is compared with the first.
#' @param project `NULL`, or a one-sided formula of attributes of the places: columns of the `places` of a
#'   `migration_data`, or columns of `data`; their means by place.
#' @param selection `NULL`, or a fit of [fit_migration()] to this `migration_data`: its [selection_terms()] are added to
#'   the controls, and errors carry that of the fit.
#' @param conf.level Confidence level of the intervals, between 0 and 1.
#' @param shrink Towards what effects are shrunk: their `"mean"`, the `"project"`ion, or not at all (`"none"`).
#' @return An object of class `decompose_places` and `decomposition`: a list of data frames,
#' \describe{
#'   \item{`places`}{`cluster`, `effect`, `std.error`, `conf.low`, `conf.high`, `shrunk`, `firms` (ever there), `rows`,
#'   `movers_in`,
#'     `movers_out`, `value` (mean performance), `who` (mean effect of its firms; with `weight` also the mean residual),
#'     `controls`: value = effect + who + controls.}
#'   \item{`variance`}{`component` (`place`, `sorting` = twice the covariance, `firm`, `controls`, `residual`, `total`),
#'   `estimator`
#'     (`plugin`, `homoskedastic`, `leave_out`), `estimate`, `share` of the total, `std.error`, `conf.low`, `conf.high`.
#'     Components add up to the total for each estimator; `controls` is never corrected, `residual` is what is left.}
#'   \item{`correlation`}{of effects of firms and places: `estimator`, `correlation`.}
#'   \item{`gap`}{`group`, `reference`, `component` (`gap`, `place`, `who`, `controls`), `estimate`, `std.error`,
#'   `conf.low`,
#'     `conf.high`, `share`, `share.std.error`.}
#'   \item{`projection`}{`term`, `estimate`, `std.error`, `conf.low`, `conf.high`.}
#'   \item{`controls`}{the same for the coefficients of periods and controls; `NA` where one is constant within firms.}
#'   \item{`symmetry`}{`from`, `to` (quartiles), `up`, `down` (mean changes), `movers_up`, `movers_down`, `difference`,
#'   `std.error`.}
#'   \item{`firms`}{`firm`, `effect`, `rows`.}
#'   \item{`set`}{`what`, `rows`, `firms`, `places`, `movers`.}
#'   \item{`notes`}{`table`, `note`.}
#' }
#' and `covariance` (of the effects), `method`, `reference`, `call`. [coef()] and [vcov()] give effects and covariance,
#' as `csranks::csranks()` wants them; [plot.decompose_places()] draws.
#' @section Errors: No firm that moves among comparable places; a firm twice in a period; performance missing where a
#'   firm is alive; negative weights; a control that is missing.
#' @references
#' Abowd, J. M., Kramarz, F. and Margolis, D. N. (1999). High wage workers and high wage firms. *Econometrica* 67,
#' 251-333. \doi{10.1111/1468-0262.00020}
#'
#' Andrews, M. J., Gill, L., Schank, T. and Upward, R. (2008). High wage workers and low wage firms: negative
#' assortative matching or limited mobility bias? *Journal of the Royal Statistical Society A* 171, 673-697.
#' \doi{10.1111/j.1467-985X.2007.00533.x}
#'
#' Kline, P., Saggio, R. and Solvsten, M. (2020). Leave-out estimation of variance components. *Econometrica* 88,
#' 1859-1898. \doi{10.3982/ECTA16410}
#'
#' Card, D., Heining, J. and Kline, P. (2013). Workplace heterogeneity and the rise of West German wage inequality.
#' *Quarterly Journal of Economics* 128, 967-1015. \doi{10.1093/qje/qjt006}
#'
#' Finkelstein, A., Gentzkow, M. and Williams, H. (2016). Sources of geographic variation in health care: evidence from
#' patient migration. *Quarterly Journal of Economics* 131, 1681-1726. \doi{10.1093/qje/qjw023}
#' @seealso [move_events()] for what happens around a move, [selection_terms()], [runner_up()], [decompose_cluster()].
#' @examples
#' lamps <- wenzhou_guzhen()
#' towns <- list(Wenzhou = "Wenzhou", Guzhen = "Guzhen")
#' places <- decompose_places(lamps, "productivity", groups = towns)
#' places
#' head(places$places)
#' @export
decompose_places <- function(data, performance, firm, cluster, time, weight = NULL, controls = ~time,
                             leave = c("firm", "match", "row"), groups = NULL, project = NULL, selection = NULL,
                             conf.level = 0.95, shrink = c("mean", "project", "none")) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  columns <- list(
    performance = given(performance), firm = given(firm), cluster = given(cluster), time = given(time), weight = weight
  )
  options <- list(
    leave = check_choice(leave, "leave"), conf.level = check_fraction(conf.level, "conf.level"),
    shrink = check_choice(shrink, "shrink")
  )
  if (options$shrink == "project" && is.null(project)) {
    abort("`shrink = \"project\"` needs `project`, a formula of attributes of the places.", class = "argument")
  }
  panel <- movers_panel(data, columns, c(all.vars(controls), all.vars(project)))
  if (!is.null(groups)) check_cluster_groups(groups, panel$places, "groups")
  first <- if (!is.null(selection)) selection_controls(selection, panel)
  if (!is.null(first)) warn_nothing_left_out(selection, controls, panel$columns$time)
  x <- movers_controls(controls, panel)
  if (!is.null(first)) x$z <- cbind(x$z, first$z)
  raw <- places_kernel(panel, x, options$leave, rows = !is.null(groups) || !is.null(first))
  fit <- places_fit(raw, panel, x)
  if (!is.null(first)) fit <- with_first_step(fit, first, panel)
  structure(
    c(places_tables(fit, panel, options, groups, project), list(
      covariance = fit$covariance, coordinates = place_coordinates(panel), method = options$leave, reference = places_reference(panel, options, x, selection),
      n_firms = length(raw$places$alpha), additive = character(), conf.level = options$conf.level, columns = panel$columns, call = call
    )),
    class = c("decompose_places", "decomposition")
  )
}

places_kernel <- function(panel, x, leave, rows) {
  raw <- .Call(C_places, kernel_panel(
    panel,
    periods = x$periods, controls = if (!is.null(x$z)) as.double(x$z), n_controls = NCOL(x$z) * !is.null(x$z),
    leave = leave, rows = rows, threads = movers_threads(length(panel$performance), length(panel$places))
  ))
  if (raw$repeated > 0) stop_repeated(raw, panel)
  if (is.null(raw$places)) {
    abort(
      "No firm is at two places, so nothing tells places from firms: ", plural(length(raw$firm), "firm"), " in `",
      panel$arg, "`", if (any(raw$rows < 2L)) paste0(", of which ", format_count(sum(raw$rows < 2L)), " are seen once"),
      ". decompose_cluster() accounts for means without movers.",
      class = "no_movers"
    )
  }
  raw
}

# What the kernel found, with places in the order of the panel and names: psi, covariance (of psi centred), b and its
# covariance for the others, and the kernel's list
places_fit <- function(raw, panel, x) {
  p <- raw$places
  n <- length(p$place_code)
  order <- order(p$place_code)
  others <- seq_along(p$b)[-seq_len(n)]
  names <- c(if (x$periods) paste0("time", id_text(panel$times)), colnames(x$z))
  list(
    raw = raw, p = p, order = order, places = panel$places[p$place_code[order]], psi = p$b[order],
    covariance = place_covariance(p$covariance, p$nbar, order, panel$places[p$place_code[order]]),
    full = p$covariance, others = others, other_names = names, x = x
  )
}

# Of the effects less their mean with weights nbar: (I - 1 nbar') F (I - nbar 1'), without a product of matrices
place_covariance <- function(full, nbar, order, names) {
  full <- full[seq_along(nbar), seq_along(nbar), drop = FALSE]
  of_mean <- drop(full %*% nbar)
  off <- (of_mean - sum(nbar * of_mean) / 2)[order]
  covariance <- full[order, order, drop = FALSE] - outer(off, off, `+`)
  dimnames(covariance) <- list(names, names)
  covariance
}

places_reference <- function(panel, options, x, selection) {
  c(
    paste0(
      "effects of places from firms that move, mean 0 over ", if (is.null(panel$weight)) {
        "firm-periods"
      } else {
        paste0("`", panel$columns$weight, "`")
      }, "; what is left out: ", switch(options$leave,
        firm = "a firm",
        match = "a firm at a place",
        row = "a row"
      )
    ),
    paste0("controls: ", if (x$periods) "periods" else "none", if (!is.null(colnames(x$z))) {
      paste0(", ", paste(utils::head(colnames(x$z), 4L), collapse = ", "), if (ncol(x$z) > 4L) ", ...")
    }, if (!is.null(selection)) "; errors carry that of the fit of the moves")
  )
}

#' @rdname decompose_places
#' @param object A `decompose_places()`.
#' @param ... Not used.
#' @export
coef.decompose_places <- function(object, ...) {
  stats::setNames(object$places$effect, object$places$cluster)
}

#' @rdname decompose_places
#' @export
vcov.decompose_places <- function(object, ...) {
  object$covariance
}
