# Renders every vignette into a folder:  Rscript tools/vignettes.R build/docs
output <- normalizePath(commandArgs(TRUE)[1])
for (file in list.files("vignettes", "\\.Rmd$", recursive = TRUE, full.names = TRUE)) {
  rmarkdown::render(file, output_dir = output, intermediates_dir = tempfile("vignette-"), quiet = TRUE,
                    envir = new.env(parent = globalenv()))
  message("rendered ", file)
}
