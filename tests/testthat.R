# At most two threads, whatever the machine has; OpenMP reads this when the package is loaded.
Sys.setenv(OMP_THREAD_LIMIT = "2")

library(testthat)
library(firmmove)

test_check("firmmove")
