# Text for documents: names as they are, whatever the format takes for a sign.

# In which language kable() answers here: "pipe", "latex", "html", ...
table_format <- function(...) {
  attr(do.call(knitr::kable, c(list(data.frame(x = 1)), list(...)["format"])), "format")
}

# Text that must be read as it is in a table of `format`. In the others than Markdown kable() sees to it itself.
literal_text <- function(x, format) {
  x <- gsub("[\r\n]+", " ", x)
  if (format %in% c("latex", "html")) {
    return(x)
  }
  x <- gsub("([][\\\\*<>{}$~^@&`])", "\\\\\\1", x)
  # within a word an underscore is one
  gsub("(?<![[:alnum:]])_|_(?![[:alnum:]])", "\\\\_", x, perl = TRUE)
}

# A caption of a method: names in it are between backticks, which stay. One that a user gave is left alone.
literal_caption <- function(caption, format) {
  whole <- paste(caption, collapse = " ")
  if (inherits(caption, "AsIs")) {
    return(whole)
  }
  if (format == "html") {
    return(gsub(">", "&gt;", gsub("<", "&lt;", gsub("&", "&amp;", whole, fixed = TRUE), fixed = TRUE), fixed = TRUE))
  }
  if (format == "latex") {
    whole <- gsub("([#$%&_{}])", "\\\\\\1", gsub("\\", "\001", whole, fixed = TRUE))
    whole <- gsub("^", "\\textasciicircum{}", gsub("~", "\\textasciitilde{}", whole, fixed = TRUE), fixed = TRUE)
    return(gsub("\001", "\\textbackslash{}", whole, fixed = TRUE))
  }
  gsub("\\`", "`", literal_text(whole, format), fixed = TRUE)
}
