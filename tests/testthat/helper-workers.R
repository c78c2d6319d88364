# A plan of a class of its own, so that workers are tested without a store: slice s has `rows` values, and its sums
# are those of a logit of one variable. `seconds` makes a slice last; `refuse` is a slice that fails.
toy_methods <- list(
  slice_build = function(plan, s) {
    structure(list(x = sin(s * 1000 + seq_len(plan$rows)), s = s, plan = plan), class = "toy_slice")
  },
  slice_sums = function(slice, kernel, theta, order, threads) {
    if (identical(slice$s, slice$plan$refuse)) stop("slice ", slice$s, " cannot be computed")
    end <- proc.time()[["elapsed"]] + slice$plan$seconds
    while (proc.time()[["elapsed"]] < end) {
      cos(slice$x)
    }
    p <- 1 / (1 + exp(-theta * slice$x))
    c(sum(log(p)), sum((1 - p) * slice$x), sum(p * (1 - p) * slice$x^2))[seq_len(order + 1L)]
  },
  slice_counts = function(slice) list(rows = length(slice$x), process = Sys.getpid()),
  plan_problem = function(plan) if (!file.exists(plan$file)) {
    list(what = "cannot see the file", remedy = "Put it where each worker sees it")
  }
)

# Makes the methods known to a process; runs in this session and on the workers.
register_toys <- function(methods) {
  for (generic in names(methods)) {
    class <- if (generic %in% c("slice_build", "plan_problem")) "toy_plan" else "toy_slice"
    registerS3method(generic, class, methods[[generic]], envir = asNamespace("firmmove"))
  }
}
toy_methods <- lapply(toy_methods, function(method) {
  environment(method) <- globalenv()
  utils::removeSource(method)
})
environment(register_toys) <- globalenv()
register_toys(toy_methods)

toy_plan <- function(slices = 12, rows = 50, seconds = 0, refuse = NULL, file = tempdir()) {
  structure(
    list(slices = data.frame(first = seq_len(slices)), rows = rows, seconds = seconds, refuse = refuse, file = file),
    class = "toy_plan"
  )
}

# Workers that know the toys; by default forks, where there are such, as they start at once. The limit of cores of
# R CMD check allows two.
toy_workers <- function(n, make = if (.Platform$OS.type == "windows") migration_workers else parallel::makeForkCluster) {
  if (n > 2) testthat::skip_on_cran()
  workers <- make(n)
  parallel::clusterCall(workers, register_toys, toy_methods)
  workers
}

# Stops workers of which some may be dead, or stopped in their tracks.
stop_toys <- function(workers) stopCluster.migration_workers(workers)

# The sums without any workers.
toy_sums <- function(plan, theta, order = 2) {
  lapply(seq_len(nrow(plan$slices)), function(s) slice_sums(slice_build(plan, s), NULL, theta, order, 1L))
}

# A few passes at different coefficients: lists of sums.
toy_passes <- function(crew, theta = c(0.1, -0.4, 0.7)) {
  lapply(theta, function(at) crew_sums(crew, NULL, at, 2))
}

# Signals to a process after some seconds, while this session does something else.
signal_later <- function(process, signal, seconds) {
  system(sprintf("(sleep %f; kill -%s %d) >/dev/null 2>&1 &", seconds, signal, process))
}

processes_of <- function(workers) unlist(parallel::clusterCall(workers, Sys.getpid))
