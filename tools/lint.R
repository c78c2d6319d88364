# The house rules that a program can check. Prints what breaks them, records one count a rule in
# build/results/lint, and fails when one is broken:  Rscript tools/lint.R

max_file <- 600
max_function <- 60
max_width <- 108 # of comments of C, as of its code

c_files <- list.files(c("src/core", "src/glue", "tests/c"), "\\.[ch]$", recursive = TRUE, full.names = TRUE)
core <- grep("^src/core/", c_files, value = TRUE)
r_files <- list.files("R", "\\.R$", full.names = TRUE)
r_tools <- list.files(c("tools", "tests"), "\\.R$", recursive = TRUE, full.names = TRUE)
text <- sapply(c(c_files, r_files, r_tools), readLines, encoding = "UTF-8", simplify = FALSE)

# The lines without comments and the insides of strings, so that words in them break no rule.
bare_c <- function(lines) {
  all <- paste(gsub('"(\\\\.|[^"\\\\])*"', '""', lines), collapse = "\n")
  comments <- gregexpr("/\\*(.|\n)*?\\*/", all, perl = TRUE)
  regmatches(all, comments) <- lapply(regmatches(all, comments), gsub, pattern = "[^\n]", replacement = " ")
  strsplit(paste0(all, "\n"), "\n")[[1]]
}
code <- lapply(text[c_files], bare_c)

# "file:line: what" for each line of the files that matches.
matches <- function(files, pattern, what, from = text) {
  hits <- lapply(from[files], grep, pattern = pattern, perl = TRUE)
  sprintf("%s:%d: %s", rep(files, lengths(hits)), unlist(hits), what)
}

included <- function(files) {
  lines <- lapply(text[files], grep, pattern = '^#include "', value = TRUE)
  data.frame(file = rep(files, lengths(lines)), header = sub('^#include "([^"]*)".*$', "\\1", unlist(lines)))
}

# ---- rules: each returns what breaks it ---------------------------------------------------------------------

core_without_r <- function() {
  matches(core, "#include <(R|Rinternals|Rmath|Rdefines|R_ext/.*)\\.h>", "src/core must not include R")
}

# Which folders of the core a folder may include from. An optimiser knows an objective, not a model.
floors <- list(
  base = "^base/", design = "^(base|design)/|^store/blocks\\.h$", choice = "^(base|choice|optim)/|^design/design\\.h$",
  decompose = "^(base|decompose)/", optim = "^(base|optim)/",
  store = "^(base|store)/"
)
respected_floors <- function() {
  use <- included(core)
  path <- sub("^src/core/", "", dirname(use$file))
  target <- ifelse(startsWith(use$header, "../"), sub("^../", "", use$header), file.path(path, use$header))
  fine <- mapply(function(folder, to) grepl(floors[[folder]], to), path, target)
  sprintf("%s: may not include %s", use$file[!fine], use$header[!fine])
}

quiet_core <- function() {
  banned <- "\\b(printf|fprintf|puts|putchar|sprintf|vsprintf|exit|_exit|abort|assert|rand|srand|random)\\s*\\("
  # not a function of a table of operations, like ops->free()
  memory <- "(^|[^.>_[:alnum:]])(malloc|calloc|realloc|free|alloca|aligned_alloc)\\s*\\("
  threads <- "\\bomp_set_\\w+\\s*\\("
  c(
    matches(core, banned, "the core neither prints, exits nor draws", code),
    matches(setdiff(core, "src/core/base/alloc.c"), memory, "memory comes from base/alloc.h", code),
    matches(core, threads, "the number of threads is an argument, not a setting", code)
  )
}

# State at file level: a static that is neither a constant nor a function. The counters of alloc.c are in
# no build but that of the tests.
stateless_core <- function() {
  variable <- "^(static|_Thread_local)\\s+(?!const\\b|inline\\b)[^(]*(=|;)"
  matches(setdiff(core, "src/core/base/alloc.c"), variable, "no state in the core", code)
}

short_files <- function() {
  size <- lengths(text[grep("^(src|R)/", names(text))])
  sprintf("%s: %d lines, more than %d", names(size), size, max_file)[size > max_file]
}

# From the last line at the left margin with a parenthesis to the brace at the left margin that closes the body.
c_functions <- function(file) {
  close <- grep("^\\}", code[[file]])
  start <- grep("^[A-Za-z_].*\\(", code[[file]])
  last <- findInterval(close, start)
  line <- c(0L, start)[last + 1]
  own <- line > c(0L, close)[seq_along(close)] # not a struct after a function
  data.frame(line = line, length = close - line + 1L)[own, ]
}
r_functions <- function(file) {
  parsed <- utils::getParseData(parse(file, keep.source = TRUE))
  top <- parsed[parsed$parent == 0 & parsed$token == "expr", ]
  is_function <- vapply(top$id, function(id) {
    inside <- parsed[parsed$parent == id, ]
    value <- utils::tail(inside$id[inside$token == "expr"], 1)
    length(value) == 1 && any(parsed$token[parsed$parent == value] == "FUNCTION")
  }, NA)
  data.frame(line = top$line1, length = top$line2 - top$line1 + 1L)[is_function, ]
}
short_functions <- function() {
  long <- function(file, functions) {
    found <- functions[functions$length > max_function, ]
    sprintf("%s:%d: a function of %d lines, more than %d", rep(file, nrow(found)), found$line, found$length,
            max_function)
  }
  unlist(c(
    lapply(c_files, function(file) long(file, c_functions(file))),
    lapply(r_files, function(file) long(file, r_functions(file)))
  ))
}

nothing_left_undone <- function() {
  own <- grep("tools/lint\\.R$", names(text), invert = TRUE, value = TRUE)
  matches(own, "\\b(TODO|FIXME|XXX)\\b|not (yet )?implemented", "left undone")
}

clean_text <- function() {
  c(
    matches(names(text), "\t", "a tab"),
    matches(names(text), "[ ]+$", "blanks at the end"),
    matches(r_files, "[^\\x01-\\x7F]", "not ASCII")
  )
}

plain_r <- function() {
  checks <- c(
    "(^|[^.\\w])(library|require)\\(" = "use :: instead of attaching",
    "\\bset\\.seed\\((?!seed\\b)" = "the seed is the user's",
    "\\bsetwd\\(" = "the working directory is the user's"
  )
  comment <- "^\\s*#"
  lines <- lapply(text[r_files], function(x) ifelse(grepl(comment, x), "", x))
  unlist(Map(function(pattern, what) matches(r_files, pattern, what, lines), names(checks), checks))
}

# The enumerators and macros that files of C define: a data frame of file, name and, of enumerators, their enum.
c_constants <- function(files) {
  each <- lapply(files, function(file) {
    all <- paste(code[[file]], collapse = "\n")
    enums <- regmatches(all, gregexpr("\\benum\\b[^{};()]*\\{[^}]*\\}", all, perl = TRUE))[[1]]
    names <- lapply(strsplit(sub("\\}$", "", sub("^[^{]*\\{", "", enums)), ","), function(x) trimws(sub("=.*", "", x)))
    names <- lapply(names, function(x) x[nzchar(x)])
    tag <- trimws(sub("\\{.*", "", sub("^enum\\b", "", gsub("\n", " ", enums))))
    macro <- unique(sub("^#\\s*define\\s+(\\w+).*$", "\\1", grep("^#\\s*define\\s", code[[file]], value = TRUE)))
    data.frame(
      file = rep(file, sum(lengths(names)) + length(macro)), name = c(unlist(names), macro),
      enum = c(rep(tag, lengths(names)), rep("", length(macro)))
    )
  })
  do.call(rbind, each)
}

# Two headers that define one name cannot be included together; a name with the prefix is one name everywhere.
one_name_one_value <- function() {
  found <- c_constants(grep("^src/", c_files, value = TRUE))
  found <- unique(found[grepl("^FM_", found$name) | grepl("\\.h$", found$file), c("file", "name")])
  twice <- found[found$name %in% found$name[duplicated(found$name)], ]
  sprintf("%s: %s is defined in another file too", twice$file, twice$name)
}

# A table of words with the comment /* as fm_<enum> */ before it says the same as the enum, in its order.
words_of_enums <- function() {
  glue <- grep("^src/glue/", c_files, value = TRUE)
  known <- c_constants(grep("^src/.*\\.h$", c_files, value = TRUE))
  table <- "/\\* as (\\w+) \\*/\\s*static const char \\*const \\w+\\[[^]]*\\] =\\s*\\{([^}]*)\\}"
  unlist(lapply(glue, function(file) {
    all <- paste(text[[file]], collapse = "\n")
    tables <- regmatches(all, gregexpr(table, all, perl = TRUE))[[1]]
    vapply(tables, function(one) {
      enum <- sub(paste0("(?s)", table, ".*"), "\\1", one, perl = TRUE)
      words <- gsub('"', "", regmatches(one, gregexpr('"[^"]*"', one))[[1]])
      names <- utils::head(known$name[known$enum == enum], length(words))
      fine <- length(names) == length(words) && all(endsWith(names, paste0("_", toupper(words))))
      if (fine) NA_character_ else sprintf("%s: the words of %s are not its enumerators", file, enum)
    }, "", USE.NAMES = FALSE)
  })) -> broken
  broken[!is.na(broken)]
}

# The numbers that both languages know: fm_score <- 1L of R/base-codes.R is FM_SCORE of a header.
codes_of_headers <- function() {
  headers <- paste(unlist(code[grep("^src/core/.*\\.h$", c_files, value = TRUE)]), collapse = "\n")
  lines <- grep("<-", text[["R/base-codes.R"]], fixed = TRUE, value = TRUE)
  name <- toupper(sub("^(\\w+) <- .*$", "\\1", lines))
  value <- sub("^\\w+ <- (\\d+)L$", "\\1", lines)
  fine <- mapply(function(name, value) grepl(paste0("\\b", name, "\\s*=\\s*", value, "\\b"), headers), name, value)
  sprintf("R/base-codes.R: %s is not %s in any header of the core", name[!fine], value[!fine])
}

# What else both languages must know is a word: numbers for kinds and masks come back only by accident.
words_at_the_border <- function() {
  numbers <- "\\b(kind|mask|storage|sequence|transform|shape|method|order)\\s*=\\s*-?[0-9]+L\\b"
  position <- "\\b(kind|mask|storage|sequence|transform|shape|method|order)\\s*=\\s*match\\(.*\\)\\s*-\\s*1L?\\b"
  c(
    matches(r_files, numbers, "a code in numbers: C reads words (fm_words)"),
    matches(r_files, position, "a code in numbers: C reads words (fm_words)"),
    matches(r_files, "\\.Call\\(C_(evaluate|slice_sums),.*, [012]L, (control|kernel_control|list)\\b", "how far a pass goes has a name in base-codes.R"),
    matches(r_files, "\\border\\s*(==|>=|<|!=)\\s*[012]L\\b", "how far a pass goes has a name in base-codes.R")
  )
}

narrow_comments <- function() {
  wide <- function(file) {
    comment <- text[[file]] != code[[file]] & !grepl('^[^"]*"', text[[file]])
    which(nchar(text[[file]]) > max_width & comment)
  }
  lines <- lapply(c_files, wide)
  sprintf("%s:%d: a comment of more than %d columns", rep(c_files, lengths(lines)), unlist(lines), max_width)
}

# The loops of a file of C: line, conditions joined by && and what is changed: the step and the body.
c_loops <- function(file) {
  all <- paste(code[[file]], collapse = "\n")
  at <- gregexpr("\\bfor \\(", all)[[1]]
  chars <- strsplit(all, "")[[1]]
  close <- function(from, open, shut) {
    depth <- cumsum((chars[from:length(chars)] == open) - (chars[from:length(chars)] == shut))
    from + which(depth == 0)[[1]] - 1L
  }
  lapply(at[at > 0], function(start) {
    end <- close(start + 4L, "(", ")")
    parts <- strsplit(substr(all, start + 5L, end - 1L), ";", fixed = TRUE)[[1]]
    if (length(parts) < 2 || !grepl("&&", parts[[2]], fixed = TRUE)) {
      return(NULL)
    }
    body <- close(end + 2L, "{", "}")
    before <- substr(all, 1L, start)
    list(
      line = lengths(regmatches(before, gregexpr("\n", before))) + 1L,
      conditions = trimws(strsplit(parts[[2]], "&&", fixed = TRUE)[[1]]),
      changed = paste(c(parts[-(1:2)], substr(all, end, body)), collapse = ";"),
      head = sub("(?s)^.*\n\\}", "", before, perl = TRUE)
    )
  })
}

# Does nothing in the loop change the condition? A name counts as changed where it is assigned, counted, has its address
# taken or, unless it points to constants, is handed to a function.
is_invariant <- function(condition, loop) {
  names <- unique(unlist(regmatches(condition, gregexpr("(?<![.\\w>])[A-Za-z_]\\w*", condition, perl = TRUE))))
  changed <- vapply(setdiff(names, c("NULL", "size_t", "int", "double")), function(name) {
    path <- paste0("(?<![\\w.>])", name, "(\\s*(->|\\.)\\s*\\w+|\\s*\\[[^\\]]*\\])*\\s*(=(?!=)|[-+*/|]=|\\+\\+|--)")
    any(
      grepl(path, loop$changed, perl = TRUE), grepl(paste0("(\\+\\+|--|&)\\s*", name, "\\b"), loop$changed),
      grepl("->|[.*]|\\[", condition) && !grepl(paste0("const\\s[^;,(){}=]*\\*\\s*(const\\s+)?", name, "\\b"), loop$head) &&
        grepl(paste0("\\w\\([^;{]*(?<![\\w.>])", name, "(?![\\w.\\[]|->)[^;{]*\\)"), loop$changed, perl = TRUE)
    )
  }, NA)
  !any(changed)
}

loops_change_conditions <- function() {
  unlist(lapply(grep("^src/", c_files, value = TRUE), function(file) {
    unlist(lapply(c_loops(file), function(loop) {
      if (is.null(loop)) {
        return(NULL)
      }
      idle <- loop$conditions[vapply(loop$conditions, is_invariant, NA, loop = loop)]
      if (length(idle) > 0) sprintf("%s:%d: the loop does not change `%s`", file, loop$line, idle)
    }))
  }))
}

generated_files <- function() {
  out <- suppressWarnings(system2("Rscript", c("--no-save", "--no-restore", "tools/make-init.R", "--check"),
                                  stdout = TRUE, stderr = TRUE))
  if (is.null(attr(out, "status"))) character() else as.character(out)
}

# What roxygen would write, when the version that wrote it last is at hand.
current_docs <- function() {
  pinned <- read.dcf("DESCRIPTION", "RoxygenNote")[[1]]
  here <- requireNamespace("roxygen2", quietly = TRUE) && utils::packageVersion("roxygen2") == pinned
  if (!here) {
    return(character())
  }
  out <- suppressWarnings(system2("Rscript", c("--no-save", "--no-restore", "tools/document.R", "--check"),
                                  stdout = TRUE, stderr = TRUE))
  if (is.null(attr(out, "status"))) character() else as.character(out)
}

# ---- all of them --------------------------------------------------------------------------------------------

# A second definition of an internal function silently takes the place of the first, in the order of the file names.
defined_once <- function() {
  names_of <- function(file) {
    found <- vapply(parse(file), function(x) {
      named <- is.call(x) && identical(x[[1]], quote(`<-`)) && is.name(x[[2]])
      if (named) as.character(x[[2]]) else NA_character_
    }, "")
    found[!is.na(found)]
  }
  defined <- lapply(r_files, names_of)
  table <- data.frame(file = rep(r_files, lengths(defined)), name = unlist(defined))
  twice <- table[table$name %in% table$name[duplicated(table$name)], ]
  sprintf("%s: %s() is defined twice in R/", twice$file, twice$name)
}

# Each help page is in the reference of the site, and each article in its list.
indexed_docs <- function() {
  listed <- trimws(sub("^ *- ", "", grep("^ *- ", readLines("_pkgdown.yml"), value = TRUE)))
  pages <- list.files("man", "\\.Rd$", full.names = TRUE)
  internal <- vapply(pages, function(page) any(grepl("\\keyword{internal}", readLines(page), fixed = TRUE)), NA)
  named <- c(sub("\\.Rd$", "", basename(pages[!internal])), sub("\\.Rmd$", "", list.files("vignettes", "\\.Rmd$")))
  sprintf("_pkgdown.yml: %s is in no section", setdiff(named, listed))
}

# Files of R/ that call each other in a circle have to be read together (tools/knots.R).
max_knot <- 8
small_knots <- function() {
  tool <- new.env()
  sys.source("tools/knots.R", tool)
  knots <- tool$knots_of(r_files)$knots
  large <- knots[lengths(knots) > max_knot]
  sprintf("%d files call each other in a circle, more than %d: %s", lengths(large), max_knot,
          vapply(large, function(knot) paste(basename(knot), collapse = " "), ""))
}

# Which storage a design has, and which class data have, is asked in the files that own them; all else goes through
# design-view.R and data-view.R. Classes of models are tested where they live; elsewhere a generic of model.R answers.
views_kept <- function() {
  lines <- lapply(text[r_files], function(x) ifelse(grepl("^\\s*#", x), "", x))
  owners <- "R/(design-(relational|ragged|view|columns|occasions)|data-(choice|migration)[a-z-]*|data-view)\\.R$"
  others <- grep(owners, r_files, value = TRUE, invert = TRUE)
  decompositions <- grep("R/(decompos|data-recode)", others, value = TRUE) # take plain tables and migration_data alike
  models <- grep("R/(model-|fit-migration|answer-iia-test)", others, value = TRUE, invert = TRUE)
  c(
    matches(others, "\\bspec\\$kind\\b", "the storage is a class: see design-view.R",
            lines[grep("R/store-columns", names(lines), invert = TRUE)]),
    matches(others, "spec\\$start\\[", "rows of long data are asked of the spec: see design-view.R", lines),
    matches(setdiff(others, decompositions), "inherits\\([^()]*(\\([^()]*\\))?[^()]*\"(choice|migration)_data\"",
            "the class of data is asked of the data: see data-view.R", lines),
    matches(models, "inherits\\([^()]*\"\\w+_model\"", "the class of a model is asked by a generic of model.R", lines)
  )
}

# ---- documents ----------------------------------------------------------------------------------------------

# The text of a part of a help page, in one line without markup; "" where the page has no such part.
page_part <- function(page, tag) {
  tags <- vapply(page, function(part) attr(part, "Rd_tag"), "")
  trimws(gsub("\\s+", " ", paste(unlist(page[tags == tag]), collapse = "")))
}

# A first line above @title becomes the beginning of the details, which then say the title again.
details_after_title <- function() {
  files <- list.files("man", "\\.Rd$", full.names = TRUE)
  again <- vapply(files, function(file) {
    page <- tools::parse_Rd(file)
    title <- page_part(page, "\\title")
    nzchar(title) && startsWith(tolower(page_part(page, "\\details")), tolower(title))
  }, NA)
  sprintf("%s: the details begin with the title", files[again])
}

# Functions that CONTRIBUTING.md writes as `name()` and files that it names are there. Words of formulas and generics of
# other packages are not the house's.
true_contributing <- function() {
  lines <- readLines("CONTRIBUTING.md")
  quoted <- function(pattern) unique(gsub("[`()]", "", unlist(regmatches(lines, gregexpr(pattern, lines)))))
  sources <- unlist(text[grep("^(src|R|tests|tools)/", names(text))])
  defined <- function(name) any(grepl(paste0("^(static )?.*\\b", name, "( <- function|\\()"), sources))
  imported <- sub("^(S3method|importFrom)\\((\\w+::)?(.*)\\)$", "\\3", readLines("NAMESPACE"))
  known <- c("peers", "push", "pull", "keep", unlist(strsplit(imported, ",")))
  functions <- setdiff(quoted("`[A-Za-z_.]+\\(\\)`"), known)
  files <- quoted("`(R|src|tests|tools)/[A-Za-z0-9_./-]+`")
  c(
    sprintf("CONTRIBUTING.md: there is no %s()", functions[!vapply(functions, defined, NA)]),
    sprintf("CONTRIBUTING.md: there is no file %s", files[!file.exists(files)])
  )
}

# The rows of a table in a help page cannot be broken.
narrow_r_comments <- function() {
  wide <- lapply(text[r_files], function(x) which(grepl("^\\s*#", x) & !startsWith(x, "#' |") & nchar(x) > 120))
  sprintf("%s:%d: a comment of more than 120 columns", rep(r_files, lengths(wide)), unlist(wide))
}

# What each function of R/ calls, in its own body: a list by name. A generic calls nothing; arguments are kept beside.
r_calls <- function() {
  definitions <- unlist(lapply(r_files, function(file) {
    found <- Filter(function(x) is.call(x) && identical(x[[1]], quote(`<-`)) && is.name(x[[2]]), as.list(parse(file)))
    stats::setNames(found, vapply(found, function(x) as.character(x[[2]]), ""))
  }))
  functions <- Filter(function(x) is.call(x[[3]]) && identical(x[[3]][[1]], quote(`function`)), definitions)
  lapply(functions, function(x) {
    list(arguments = names(x[[3]][[2]]), calls = setdiff(all.names(x[[3]][[3]]), all.vars(x[[3]][[3]])))
  })
}

# An exported function that draws, by itself or by helpers that take no seed either, lets the user repeat the draws.
# Methods of generics of R (predict, simulate) have the arguments of the generic.
repeatable_draws <- function() {
  draws <- c("sample", "sample.int", "runif", "rnorm", "rexp", "rbinom", "rpois", "with_seed", "seed_generator")
  all <- r_calls()
  seeded <- vapply(all, function(x) "seed" %in% x$arguments, NA)
  reached <- draws
  repeat {
    more <- names(all)[!seeded & vapply(all, function(x) any(x$calls %in% reached), NA)]
    if (all(more %in% reached)) break
    reached <- union(reached, more)
  }
  exported <- sub("^export\\((.*)\\)$", "\\1", grep("^export\\(", readLines("NAMESPACE"), value = TRUE))
  sprintf("%s() draws random numbers and has no argument `seed`", intersect(exported, setdiff(reached, draws)))
}

# The code of a file: of an article its chunks, of a file of R/ also its examples, other lines empty.
code_lines <- function(file) {
  lines <- readLines(file, encoding = "UTF-8")
  if (endsWith(file, ".Rmd")) {
    fence <- grepl("^```", lines)
    opens <- cumsum(fence) %% 2L == 1L
    of_r <- c(FALSE, grepl("^```\\{r", lines[fence]))[cumsum(fence) + 1L]
    lines[fence | !(opens & of_r)] <- ""
  } else if (startsWith(file, "R/")) {
    tag <- grepl("^#' @|^[^#]|^$", lines)
    of_example <- c(FALSE, grepl("^#' @examples", lines[tag]))[cumsum(tag) + 1L] & !tag
    bare <- gsub("\\\\(donttest|dontrun|dontshow)\\{", "{", sub("^#' ?", "", lines[of_example]))
    lines[of_example] <- gsub("\\%", "%", bare, fixed = TRUE)
  }
  lines
}

# The packages that code names, by :: or by a function that loads one, and the lines: a data frame.
packages_named <- function(lines) {
  parsed <- utils::getParseData(parse(text = lines, keep.source = TRUE, encoding = "UTF-8"))
  direct <- parsed[parsed$token == "SYMBOL_PACKAGE", ]
  loads <- c(
    "library", "require", "requireNamespace", "loadNamespace", "need_package", "need_worker_package", "skip_if_not_installed"
  )
  words <- parsed[parsed$terminal & parsed$token != "COMMENT", ]
  call <- which(words$token == "SYMBOL_FUNCTION_CALL" & words$text %in% loads)
  loaded <- words[call + 2L, ] # behind the parenthesis
  bare <- loaded$token == "SYMBOL" & words$text[call] %in% c("library", "require")
  loaded <- loaded[bare | loaded$token == "STR_CONST", ]
  data.frame(line = c(direct$line1, loaded$line1), package = gsub("[\"'`]", "", c(direct$text, loaded$text)))
}

# A package that is named and not in DESCRIPTION is there by accident: the check fails on the machine that lacks it.
declared_packages <- function() {
  known <- read.dcf("DESCRIPTION", c("Package", "Depends", "Imports", "Suggests", "Enhances"))
  known <- gsub("\\s*\\([^)]*\\)", "", trimws(unlist(strsplit(known[!is.na(known)], ","))))
  known <- c(known, rownames(utils::installed.packages(priority = "base")))
  files <- c(r_files, list.files(c("tests", "vignettes"), "[.]R(md)?$", recursive = TRUE, full.names = TRUE))
  unlist(lapply(files, function(file) {
    found <- packages_named(code_lines(file))
    found <- found[!found$package %in% known, ]
    sprintf("%s:%d: %s is not in DESCRIPTION", rep(file, nrow(found)), found$line, found$package)
  }))
}

# Longer lines of usage and examples are cut off in the manual, and CRAN notes them; only R counts them as it does.
manual_widths <- function() {
  found <- tools:::.check_Rd_line_widths(".")
  sprintf("man/%s: a line of %s that the manual cuts off", names(found), vapply(found, function(x) names(x)[1L], ""))
}

rules <- list(
  "the core knows no R" = core_without_r, "includes keep to the floors" = respected_floors,
  "the core is quiet" = quiet_core, "the core has no state" = stateless_core,
  "files are short" = short_files, "functions are short" = short_functions,
  "nothing is left undone" = nothing_left_undone, "text is clean" = clean_text, "R is plain" = plain_r,
  "one name has one value" = one_name_one_value, "words say what enums say" = words_of_enums,
  "R and C talk in words" = words_at_the_border, "numbers of both are those of the headers" = codes_of_headers,
  "comments of C are as wide as its code" = narrow_comments, "loops change their conditions" = loops_change_conditions,
  "R functions are defined once" = defined_once, "knots of files are small" = small_knots,
  "views are the only way to storages" = views_kept,
  "init.c and Makevars are current" = generated_files, "NAMESPACE and man are current" = current_docs,
  "help pages and articles are in the index" = indexed_docs,
  "details do not repeat the title" = details_after_title, "CONTRIBUTING names what exists" = true_contributing,
  "comments of R are as wide as its code" = narrow_r_comments, "draws can be repeated" = repeatable_draws,
  "packages are in DESCRIPTION" = declared_packages, "help fits the manual" = manual_widths
)
found <- lapply(rules, function(rule) as.character(rule()))
broken <- lengths(found) > 0
for (name in names(rules)[broken]) {
  cat("Broken: ", name, "\n", paste0("  ", found[[name]], "\n"), sep = "")
}
dir.create("build/results", showWarnings = FALSE, recursive = TRUE)
writeLines(paste(sum(!broken), sum(broken), 0), "build/results/lint")
cat(sum(!broken), "rules kept,", sum(broken), "broken\n")
quit(status = as.integer(any(broken)))
