# Times the work of an `InR` (in_r.py) by the rule of timing.py. Arguments: the folder of its tables
# and lines, then the three limits of the rule. What is loaded and read first takes no part in it.
arguments <- commandArgs(trailingOnly = TRUE)
setwd(arguments[1])
limits <- as.numeric(arguments[2:4])
for (file in list.files(pattern = "[.]csv$")) {
  assign(sub("[.]csv$", "", file), read.csv(file, stringsAsFactors = TRUE))
}
source("lines.R")  # loads packages, prepares, and defines work() and numbers(done)

timed <- function() {
  begin <- Sys.time()
  done <<- work()
  as.numeric(difftime(Sys.time(), begin, units = "secs"))
}

first <- timed()
times <- if (first > limits[2]) first else numeric()
while (first <= limits[2] && (length(times) < 3 ||
                              (sum(times) < limits[1] && length(times) < limits[3]))) {
  times <- c(times, timed())
}
writeLines(sprintf("%.17g", c(min(times), numbers(done))), "result.txt")
