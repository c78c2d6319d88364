#' What moving firms do to clusters
#'
#' @description
#' `decompose_cluster()` breaks the change of every cluster between two periods into what its stayers, births and
#' deaths did to it and what each flow of firms from and to each other cluster did to it: in the mean account (the
#' weighted mean performance of its firms), in the size account (its jobs, or any other size), in the share account
#' (its share of all clusters) and for the system of all clusters. All six published methods are there, and two that are
#' rarely used on firms, each with the moves taken out of entry and exit. Standard errors come from influence
#' functions, in the same pass over the data.
#'
#' @details
#' Firm \eqn{i} has weight \eqn{w} and performance \eqn{\varphi}; 0 is the start, 1 the end. Cluster \eqn{c} has the
#' weighted mean \eqn{\Phi}. Its firms are stayers \eqn{S}, births \eqn{B}, deaths \eqn{D}, in-migrants \eqn{I_o} from
#' each other cluster \eqn{o} and out-migrants \eqn{O_d} to each other cluster \eqn{d}. A group \eqn{g} has the share
#' \eqn{S_{g}} of the cluster's weight and the mean \eqn{\Phi_{g}}. Every method is of the form
#' \deqn{\Delta\Phi = \textrm{stayers} + \sum_{g \in B, I_o} S_{g1} (\Phi_{g1} - R_1)
#'   + \sum_{g \in D, O_d} S_{g0} (R_0 - \Phi_{g0})}{dPhi = stayers + sum over g in B, I of S_g1 (Phi_g1 - R1) + sum
#'   over g in D, O of S_g0 (R0 - Phi_g0)}
#' and differs in the reference \eqn{R} and in the terms of the stayers, with \eqn{s} shares in the cluster,
#' \eqn{h} shares among the stayers and bars for means of both periods:
#' * `melitz_polanec`: \eqn{R_t = \Phi_{St}}; `within` \eqn{\Delta\bar\varphi_S} (unweighted), `covariance`
#'   \eqn{\Delta(\Phi_S - \bar\varphi_S)}.
#' * `diewert_fox`: \eqn{R_t = \Phi_{St}}; `within` \eqn{\sum \bar h \Delta\varphi}, `between`
#'   \eqn{\sum \Delta h \bar\varphi}.
#' * `griliches_regev`: \eqn{R = (\Phi_0 + \Phi_1)/2}; `within` \eqn{\sum \bar s \Delta\varphi}, `between`
#'   \eqn{\sum \Delta s (\bar\varphi - R)}.
#' * `foster_haltiwanger_krizan`: \eqn{R = \Phi_0}; `within` \eqn{\sum s_0 \Delta\varphi}, `between`
#'   \eqn{\sum \Delta s (\varphi_0 - R)}, `cross` \eqn{\sum \Delta s \Delta\varphi}.
#' * `baily_hulten_campbell`: \eqn{R = 0}; `within` \eqn{\sum s_0 \Delta\varphi}, `between`
#'   \eqn{\sum \Delta s\, \varphi_1}. It depends on where the performance has its zero: never use it with logs.
#' * `baldwin_gu`: \eqn{R} is the mean at the start of the firms that leave; `within` as Griliches and Regev,
#'   `between` \eqn{\sum \Delta s (\bar\varphi - R)}. A cluster nobody leaves has no such mean: \eqn{\Phi_0} is
#'   taken and `notes` says so.
#' * `price`: the equation of Price, with fitness \eqn{w_1/w_0} and migration. \eqn{R_t = \Phi_{St}};
#'   `selection` \eqn{\sum (h_1 - h_0) \varphi_0}, the covariance of fitness and performance among stayers,
#'   and `transmission` \eqn{\sum h_1 \Delta\varphi}. Selection among all firms of the start, those that close or
#'   leave having fitness 0, is the sum of `selection`, `death` and `emigration`.
#' * `shapley`: Das Gupta's form. Births and deaths are measured from the cluster's firms seen at both ends,
#'   wherever they are then. The rest of the change has three factors, the firms' performances (`within`), their
#'   weights (`between`)
#'   and which firms are there (`immigration`, `emigration`), switched from start to end in all six orders; terms are
#'   the averages.
#'   Each move is measured from the stayers at the same weights and performances. An immigrant's own growth counts in
#'   `within` where it is switched after the move. Symmetric: reversing time flips every sign.
#'
#' With moves coded as deaths and births the terms add up to those of the published methods.
#'
#' *Sorting.* An immigration term splits into who came and how they did afterwards,
#' \deqn{S_{I1}(\Phi_{I1} - R_1) = S_{I1}(\Phi^*_{I0} - R_0) + S_{I1}[(\Phi_{I1} - \Phi^*_{I0}) - (R_1 - R_0)]}{S_I1
#'   (Phi_I1 - R1) = S_I1 (Phi*_I0 - R0) + S_I1 [(Phi_I1 - Phi*_I0) - (R1 - R0)]}
#' with \eqn{\Phi^*_{I0}} the movers' mean before the move, at their origin, with their weights then
#' (`sorting_weight`). With `shapley`, `sorting` is the term at the performances of the start, averaged over both
#' weights. An emigration term is sorting alone: nothing is seen of the firms at \eqn{c} afterwards.
#'
#' *Size account.* With \eqn{y} the size,
#' \deqn{\Delta Y = \sum_S \Delta y + \sum_B y_1 - \sum_D y_0 + \sum_I y_0 - \sum_O y_0 + \sum_I \Delta y .}{dY = sum_S
#'   dy + sum_B y1 - sum_D y0 + sum_I y0 - sum_O y0 + sum_I dy.}
#' A firm that moves is counted at its size before the move in both places, so transfers sum to zero over clusters;
#' what it grew meanwhile is `post_move`.
#'
#' *Share account.* \eqn{\Delta\theta = \frac12 (1/Y_1^{all} + 1/Y_0^{all}) \cdot}{dtheta = 1/2 (1/Yall_1 + 1/Yall_0) x}
#' the flows of the size account, plus `total_growth`, what the growth of the whole takes from the share.
#'
#' *System.*
#' \eqn{\Delta A = \sum_c \bar\theta_c \Delta\Phi_c + \sum_c \Delta\theta_c (\bar\Phi_c - \bar A)}{dA = sum thetabar_c
#' dPhi_c + sum dtheta_c (Phibar_c - Abar)} with both accounts put in (by weight): block `mean` and block `share`.
#' `relocation` holds this against the same method on all firms as one place, where a mover is a stayer; the differences
#' add up to zero.
#'
#' *Standard errors.* Each term is a function of sums over firms; its influence function is linear in the firm's own
#' contributions, and the variance is the sum of its squares over firms (over groups of firms with `se_cluster`).
#' It is what a bootstrap over firms tends to. The terms of the system's `share` block are products of two differences,
#' both near 0 when clusters are alike; their variance has its second-order part too, \eqn{V(xy) = x^2V(y) + y^2V(x) +
#' 2xyC(x,y) + V(x)V(y) + C(x,y)^2}. Their sum in `relocation` is of first order: its error is too small, by a fifth,
#' where clusters are just alike. Sums, as in the size account, vary with who is drawn: there the influences are taken
#' from their mean.
#'
#' Sums of squares are too small by \eqn{(n-1)/n} for groups of \eqn{n} firms. Means and terms of means have each part
#' of their variance (that of the term's own group, and that of the firms it is measured from) times
#' \eqn{n/(n-1)}, and intervals of Student's t with the degrees of freedom `df` of Welch and Satterthwaite. Weighted
#' means count with firms of equal weight, \eqn{1/\sum s_i^2}{1 / sum s_i^2} for shares \eqn{s_i}{s_i}, instead of
#' \eqn{n}, and at least one degree. In simulations (normal performance; weights equal, exponential or lognormal with
#' standard deviations to 1.3) intervals of 95% covered 92.6 to 99% with 3 to 30 stayers; with 2 they may not. A term
#' that rests on one firm has no error: `NA`, and a note. Sums, as in the size account, have errors whatever the number:
#' they vary with who is there.
#'
#' @section What the numbers do not say:
#' The terms are an account, not effects: what would have happened without a move is not in the data. Another
#' reference can change the sign of a term; so `print()` names it. The mean account and the size account can differ
#' in sign: a large firm below the mean that leaves takes jobs and raises the mean. Components of consecutive pairs
#' do not sum to those of the end points; totals do. A move back and forth within a pair of periods is not seen.
#' A merger or a new id looks like a death and a birth.
#'
#' @param data Data frame (tibble, data.table) with a row per firm and period, in any order; or a
#'   [migration_data()] or an [open_store()], of which the columns named are read.
#' @param performance Name of the column with the firms' performance, in levels or logs.
#' @param weight Name of the column with their weights: jobs, sales or value added, not negative; `NULL` counts each
#'   firm once.
#' @param firm,cluster,time Names of the columns that say which firm, where it is (`NA`: it has closed) and when. Ids
#'   may be of any type; periods are put in order by value. For a `migration_data` they are the firm, the
#'   place `to` and the time, unless named.
#' @param method The method; see Details.
#' @param conf.level Confidence level of the intervals, between 0 and 1.
#' @param size Name of the column that the size and share accounts add up; `NULL` is the weight.
#' @param pairs `"consecutive"`: each two periods that follow each other; `"ends"`: the first and the last; `"all"`:
#' both.
#' @param se_cluster `NULL`, or the name of a column: errors of firms with the same value (at the start of the pair;
#' at its
#'   end for those that come) go together, as in a bootstrap of whole groups.
#' @param log `TRUE` decomposes the logarithm of `performance`.
#' @param gaps A firm seen before and after a period, but not in it, has not died. `"separate"` gives it components
#'   of its own, `gap_out` and `gap_in`; `"exit"` takes it for a death and a birth; `"error"` stops.
#' @param zero_weight Firms of weight zero have no part in a weighted mean. `"drop"` leaves them out of the unweighted
#'   mean of Melitz and Polanec too; `"keep"` counts them there.
#' @param leavers For `baldwin_gu`: the reference is the mean of `"all"` leavers or of `"deaths"` alone.
#' @param sorting_weight Weights of the movers' mean before the move: those at the `"start"` or at the `"end"`.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown, as data centres demand: groups, flows and
#'   clusters of fewer are blank, and so is the next smallest where one alone could be had from a total. Totals are
#'   kept.
#'
#' @return An object of class `decompose_cluster` and `decomposition`: a list of data frames,
#' \describe{
#'   \item{`mean`}{`cluster`, `start`, `end`, `component` (`within`, `covariance` or `between`, `cross`,
#'     `transmission`, `selection`, `birth`,
#'     `immigration`, `death`, `emigration`, and `gap_in`, `gap_out` where there are any), `partner` (the other cluster,
#'     or `NA`), `estimate`, `std.error`, `conf.low`, `conf.high`, `df`, `firms`. Flows between two clusters have a
#'   row where a firm
#'     moved.}
#'   \item{`totals`}{`cluster`, `start`, `end`, `value_start`, `value_end`, `change` with `std.error`, `conf.low`,
#'     `conf.high`; `size_start`, `size_end`, `size_change`; `share_start`, `share_end`; `firms_start`, `firms_end`.}
#'   \item{`size`}{the size account: columns as `mean`, components `stayers`, `birth`, `transfer_in`, `post_move`,
#'     `death`, `transfer_out`; `growth` splits `stayers` into `expansion` and `contraction`.}
#'   \item{`share`}{the same for shares, and `total_growth`.}
#'   \item{`sorting`}{columns as `mean`: `immigration` by `sorting` and `post_move`.}
#'   \item{`system`}{columns as `mean`, and `block`; `system_total`: `start`, `end`, `value_start`, `value_end`,
#'     `change`; `relocation`: `start`, `end`, `component`, `by_place`, `by_place.std.error`, `ignoring_places`,
#'     `ignoring_places.std.error`, `difference` with `std.error`, `conf.low`, `conf.high`.}
#'   \item{`fallback`}{Griliches and Regev's terms for clusters where the method is undefined.}
#'   \item{`residual`}{`table`, `cluster`, `start`, `end`, `residual`: what the terms leave of the change.}
#'   \item{`notes`}{`cluster`, `start`, `end`, `table`, `note`: why an estimate is `NA`, or which reference was
#'     replaced.}
#' }
#' and `method`, `reference`, `n_firms`, `call`. [print.decomposition()], `summary()`, `as.data.frame()`, `tidy()` and
#' [plot.decompose_cluster()] work on it.
#' @section Errors:
#' A firm twice in a period; performance or weight missing where a firm is alive; one period only; a
#' logarithm of a value that is not positive. A negative weight is a warning. `NA`, with the reason in `notes`: a
#' cluster without firms at one end; no stayers, for the four methods that measure from them.
#' @references
#' Melitz, M. J. and Polanec, S. (2015). Dynamic Olley-Pakes productivity decomposition with entry and exit. *RAND
#' Journal of Economics* 46, 362-375. \doi{10.1111/1756-2171.12088}
#'
#' Diewert, W. E. and Fox, K. J. (2010). On measuring the contribution of entering and exiting firms to
#' aggregate productivity growth. In *Price and Productivity Measurement* 6, Trafford Press.
#'
#' Griliches, Z. and Regev, H. (1995). Firm productivity in Israeli industry 1979-1988. *Journal of Econometrics* 65,
#' 175-203. \doi{10.1016/0304-4076(94)01601-U}
#'
#' Foster, L., Haltiwanger, J. and Krizan, C. J. (2001). Aggregate productivity growth: lessons from microeconomic
#' evidence. In *New Developments in Productivity Analysis*, University of Chicago Press, 303-372.
#' \doi{10.7208/chicago/9780226360645.003.0008}
#'
#' Baily, M. N., Hulten, C. and Campbell, D. (1992). Productivity dynamics in manufacturing plants. *Brookings Papers on
#' Economic Activity: Microeconomics*, 187-267. \doi{10.2307/2534764}
#'
#' Baldwin, J. R. and Gu, W. (2006). Plant turnover and productivity growth in Canadian manufacturing. *Industrial and
#' Corporate Change* 15, 417-465. \doi{10.1093/icc/dtl017}
#'
#' Price, G. R. (1970). Selection and covariance. *Nature* 227, 520-521. \doi{10.1038/227520a0}
#'
#' Rice, S. H. and Papadopoulos, A. (2009). Evolution with stochastic fitness and stochastic migration. *PLoS ONE* 4,
#' e7130.
#' \doi{10.1371/journal.pone.0007130}
#'
#' Das Gupta, P. (1993). *Standardization and Decomposition of Rates: A User's Manual*. U.S. Bureau of the Census.
#'
#' Neumark, D., Zhang, J. and Wall, B. (2006). Where the jobs are: business dynamics and employment growth. *Academy of
#' Management Perspectives* 20(4), 79-94. \doi{10.5465/amp.2006.23270308}
#' @seealso [recode_moves()] for what hangs on which firms count as movers, [plot.decompose_cluster()],
#'   [decompose_productivity()], [decompose_growth()], [decompose_shapley()], [print.decomposition()].
#' @examples
#' lamps <- wenzhou_guzhen()
#' account <- decompose_cluster(lamps, "productivity", "jobs", pairs = "ends")
#' account
#' subset(account$mean, cluster == "Wenzhou" & component == "emigration")
#' subset(account$size, cluster == "Guzhen" & partner %in% "Wenzhou")
#' subset(account$sorting, cluster == "Guzhen" & partner == "Wenzhou")
#' @export
decompose_cluster <- function(data, performance, weight = NULL, firm, cluster, time,
                              method = c(
                                "melitz_polanec", "diewert_fox", "griliches_regev",
                                "foster_haltiwanger_krizan", "baily_hulten_campbell", "baldwin_gu", "price",
                                "shapley"
                              ),
                              conf.level = 0.95, size = NULL, pairs = c("all", "consecutive", "ends"),
                              se_cluster = NULL, log = FALSE, gaps = c("separate", "exit", "error"),
                              zero_weight = c("drop", "keep"), leavers = c("all", "deaths"),
                              sorting_weight = c("start", "end"), min_firms = NULL) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  columns <- list(
    performance = given(performance), weight = given(weight), firm = given(firm),
    cluster = given(cluster), time = given(time), size = size, se_cluster = se_cluster
  )
  options <- list(
    method = check_choice(method, "method"), pairs = check_choice(pairs, "pairs"), gaps = check_choice(gaps, "gaps"),
    zero_weight = check_choice(zero_weight, "zero_weight"), leavers = check_choice(leavers, "leavers"),
    sorting_weight = check_choice(sorting_weight, "sorting_weight"), conf.level = check_fraction(conf.level, "conf.level"),
    log = check_flag(log, "log"), min_firms = check_min_firms(min_firms)
  )
  panel <- cluster_panel(data, columns, options$log)
  cells <- panel_cells(panel, options)
  tell_gaps(cells, options$gaps)
  tell_zeros(cells, options$zero_weight)
  frame <- account_frame(panel, options$pairs)
  sums <- firm_sums(cells, nrow(frame$pairs), length(panel$places), panel$centre)
  sums$n_drawn <- if (is.null(panel$group)) cells$n_firms else panel$group$n
  tables <- cluster_tables(sums, frame, options)
  result <- c(tables, list(
    method = options$method, reference = cluster_reference(options, panel), n_firms = cells$n_firms,
    conf.level = options$conf.level, columns = panel$columns, log = options$log, call = call
  ))
  if (!is.null(options$min_firms)) {
    result <- told_disclosure(result, options$min_firms)
  }
  structure(result, class = c("decompose_cluster", "decomposition"))
}

# Firms out of sight for a while: an error where that is wanted, else what becomes of them
tell_gaps <- function(cells, gaps) {
  if (cells[["gaps"]] == 0) {
    return(invisible())
  }
  what <- paste0(plural(cells[["gaps"]], "time"), " a firm is not seen for a while, but before and after")
  if (gaps == "error") {
    abort(what, ". Fill the gaps, or choose `gaps = \"separate\"` or `gaps = \"exit\"`.", class = "gap")
  }
  inform(what, ": ", if (gaps == "separate") {
    "components `gap_out` and `gap_in`, no deaths or births."
  } else {
    "taken for a death and a birth."
  }, class = "gap")
}

tell_zeros <- function(cells, zero_weight) {
  if (cells[["zeros"]] == 0) {
    return(invisible())
  }
  inform(plural(cells[["zeros"]], "row"), " of weight zero: no part in weighted means",
    if (zero_weight == "drop") ", and left out of unweighted ones." else ", but counted in unweighted ones.",
    class = "zero_weight"
  )
}

# Labels of units: data frame of pairs (start, end) and the clusters
account_frame <- function(panel, pairs) {
  n <- length(panel$times)
  first <- if (pairs == "ends") 1L else seq_len(n - 1L)
  last <- if (pairs == "ends") n else first + 1L
  if (pairs == "all" && n > 2) {
    first <- c(first, 1L)
    last <- c(last, n)
  }
  list(pairs = data.frame(start = panel$times[first], end = panel$times[last]), places = panel$places)
}

# Reference group and weights, in words
cluster_reference <- function(options, panel) {
  of <- switch(options$method,
    melitz_polanec = ,
    diewert_fox = ,
    price =
      "each cluster's own stayers, at the start for leavers and at the end for arrivers",
    griliches_regev = "each cluster's mean over both periods",
    foster_haltiwanger_krizan = "each cluster's mean at the start",
    baily_hulten_campbell = "zero (the terms depend on where the performance has its zero)",
    shapley = paste(
      "each cluster's firms seen at both ends for births and deaths, its stayers for moves; averaged",
      "over all orders of switching membership, weights and performances"
    ),
    baldwin_gu = paste("mean at the start of each cluster's", if (options$leavers == "all") "leavers" else "deaths")
  )
  c(
    paste0("reference: ", of),
    paste0(
      "performance: ", if (options$log) "log of ", panel$columns$performance, "; weights: ", panel$columns$weight,
      "; size: ", if (is.null(panel$columns$size)) panel$columns$weight else panel$columns$size
    ),
    "standard errors: influence functions; of few firms with Student's t, of one firm none"
  )
}
