# Picks the constants of the article on large registers from the results of stream.R:
#
#   Rscript tools/bench/stream.R --out=a.csv
#   Rscript tools/bench/stream.R sums --places=200 --rows=600000 --out=b.csv
#   Rscript tools/bench/stream-constants.R a.csv b.csv > vignettes/large-registers.csv

folder <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(folder, "report.R"))
files <- commandArgs(TRUE)
found <- utils::read.csv(files[1])
by_terms <- c(2, 4, 8)

# name of a constant, and what stream.R calls it
picked <- c(
  write = "rows written, raw (computing)", write_deflated = "rows written, deflated (computing)",
  disk_bytes = "bytes on disk, raw", deflated_bytes = "bytes on disk, deflated",
  stats::setNames(sprintf("reading rows for %d terms (computing)", by_terms), paste0("read_", by_terms)),
  stats::setNames(sprintf("building a slice of %d terms (computing)", by_terms), paste0("build_", by_terms)),
  stats::setNames(sprintf("bytes of a slice of %d terms", by_terms), paste0("bytes_", by_terms)),
  stats::setNames(sprintf("value, %d terms (computing)", by_terms), paste0("value_", by_terms)),
  stats::setNames(sprintf("information, %d terms (computing)", by_terms), paste0("information_", by_terms)),
  disk = "disk over memory (computing)", process = "peak of a process with the package loaded",
  add = "adding up the sums of slices", trip = "an empty task, there and back",
  answer_session = "an empty task, in the session (computing)",
  slice_session = "a slice of 1,000 rows, in the session (computing)", task = "a task of one slice",
  plan = "the plan, sent once", answer = "an answer for one slice, 8 terms",
  answer_slice = "each further slice in an answer", counts = "bytes of the counts of a slice",
  counts_session = "putting counts together (computing)",
  deadline = "deadlines of 500 workers, at each answer (computing)",
  search = "looking for work for an idle worker (computing)", building = "memory for building a slice"
)
table <- found[match(picked, found$what), c("what", "value", "unit")]
if (anyNA(table$value)) stop("not measured: ", picked[is.na(table$value)][1], call. = FALSE)
table <- cbind(name = names(picked), table)
table$what <- sub(" [(]computing[)]", "", table$what)
each <- table$name == "deadline"
table[each, -1] <- list("the deadline of a worker, at each answer", 1e3 * table$value[each] / 500, "us")
# a pass costs a row some time, and some more for each place
many <- utils::read.csv(files[2])
for (kind in c("value", "information")) for (terms in by_terms) {
  name <- sprintf("%s, %d terms (computing)", kind, terms)
  per_row <- function(x) x$value[x$what == name] * x$places[1]
  place <- (per_row(many) - per_row(found)) / (many$places[1] - found$places[1])
  at <- table$name == paste0(kind, "_", terms)
  table[at, -1] <- list(sprintf("%s, %d terms, each place of a row", kind, terms), place, "ns")
  row <- list(paste0(kind, "_row_", terms), sprintf("%s, %d terms, a row", kind, terms),
              per_row(found) - place * found$places[1], "ns")
  table <- rbind(table, stats::setNames(row, names(table)))
}
load <- found$value[grepl("^load average", found$what)]
cat(sprintf("# Measured on %s, %s, load average %.0f, %s firm-years x %d and %d places\n",
            sub(", R version", ", R", describe_machine()[1]),
            Sys.Date(), mean(load), count(found$rows[1]), found$places[1], many$places[1]))
table$value <- signif(table$value, 4)
utils::write.csv(table, row.names = FALSE)
