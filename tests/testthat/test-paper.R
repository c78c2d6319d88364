# The template of a paper: rendered as it is, and refilled with other data; the text has no gaps, its numbers are those
# of the fit.
skip_without_paper <- function() {
  skip_on_cran()
  for (package in c("rmarkdown", "knitr", "ggplot2")) skip_if_not_installed(package)
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  skip_if(dir.exists(file.path(find.package("firmmove"), "src")), "needs the installed package")
}

number <- function(x, digits = 2) formatC(x, digits = digits, format = "f", big.mark = ",")

# Each coefficient of the terms that the text names stands there with its interval
expect_numbers <- function(text, fit, terms, cluster, digits = rep(2, length(terms))) {
  table <- tidy(fit, conf.int = TRUE, cluster = cluster)
  for (k in seq_along(terms)) {
    line <- table[match(terms[k], table$term), ]
    shown <- paste0(
      number(line$estimate, digits[k]), " (95% interval ", number(line$conf.low, digits[k]), " to ",
      number(line$conf.high, digits[k]), ")"
    )
    expect_true(any(grepl(shown, text, fixed = TRUE)), info = paste(terms[k], shown))
  }
}

test_that("the template renders as it is, without gaps, with the numbers of the fit", {
  skip_without_paper()
  paper <- render_paper(params = list(quick = TRUE), keep = c("fit", "leavers", "account", "share_table"))
  expect_true(paper$done, info = paper$log)
  expect_identical(gaps_of(paper$text), character())
  expect_numbers(paper$text, paper$kept$fit, c(
    "push(technology)", "push(environment)", "peers(kin)", "peers(network)", "pull(creativity)", "pull(governance)"
  ), ~firm)
  expect_numbers(paper$text, paper$kept$fit, "peers(kin):pull(land_price)", ~firm, 3)
  claims <- grep("^Claim", paper$text, value = TRUE)
  expect_gte(length(claims), 8L)
  # one number for what is kept: before less after
  leavers <- paper$kept$leavers
  expect_equal(leavers$kept, leavers$before - leavers$after)
  kept <- paste0(number(leavers$kept, 1), " with its ", leavers$cause)
  expect_true(all(vapply(kept, function(each) any(grepl(each, paper$text, fixed = TRUE)), NA)))
  # one share of land, in the abstract and in the claim
  shares <- paper$kept$share_table
  share <- paste0(number(100 * shares$share[shares$group == "land and space"], 1), "%")
  expect_gte(sum(grepl(share, paper$text, fixed = TRUE)), 2L)
  lost <- subset(
    paper$kept$account$size, cluster == "Wenzhou" & component == "transfer_out" & partner == "Guzhen"
  )$estimate
  expect_gte(sum(grepl(number(-lost, 0), paper$text, fixed = TRUE)), 2L)
  expect_true(any(grepl("Why firms left Wenzhou for Guzhen", paper$text)))
  # nothing from the network; every citation has its reference
  expect_false(grepl("<(img|script)[^>]*src=\"https?://", paper$html))
  expect_false(any(grepl("???", paper$text, fixed = TRUE)))
  expect_gte(lengths(regmatches(paper$html, gregexpr("data:image/png;base64", paper$html))), 7L)
  expect_gte(lengths(regmatches(paper$html, gregexpr("https://doi.org/", paper$html))), 6L)
})

test_that("a register without most terms, with codes for names, gives a paper without gaps", {
  skip_without_paper()
  refill <- c(
    "set.seed(3)",
    "town <- c('0101', '0102', '0103', '0104', '0105')",
    "where <- expand.grid(year = 2010:2014, id = 1:400)",
    "where$town <- sample(town, 400, TRUE)[where$id]",
    "later <- runif(400) < 0.3; at <- sample(2011:2014, 400, TRUE); goes <- sample(town, 400, TRUE, c(1, 4, 2, 1, 1))",
    "gone <- later[where$id] & where$year >= at[where$id]; where$town[gone] <- goes[where$id][gone]",
    "places <- data.frame(place = town, rent = c(5, 2, 3, 4, 6), lon = 1:5, lat = c(40, 41, 43, 42, 40))",
    "data <- migration_data(as_occasions(where, 'id', 'town', 'year'), places, place_distances(places), firm = 'id',",
    "  time = 'year')",
    "place_names <- c('0101' = 'Aville', '0102' = 'Bburg')",
    "clustered_by <- ~id",
    "terms <- ~ rent + log(distance)",
    "causes <- 'rent'",
    "groups <- list(rent = 'rent', distance = 'log(distance)')"
  )
  params <- list(
    quick = TRUE, study = FALSE, simulated = FALSE, origin = "Aville", destination = "Bburg", subtitle = "A register"
  )
  paper <- render_paper(refill, params, keep = c("fit", "leavers"))
  expect_true(paper$done, info = paper$log)
  expect_identical(gaps_of(paper$text), character())
  expect_true(any(grepl("Why firms left Aville for Bburg", paper$text)))
  # nothing of the study, and no paragraph on what the register does not have
  expect_false(any(grepl("Wenzhou|Guzhen|lamp|Zhu|land price|simulated", paper$text)))
  expect_false(any(grepl("networks|synergy|accounts of clusters say|bargaining|chain model", paper$text)))
  expect_true(any(grepl(paste(number(paper$kept$leavers$kept, 1), "with its rent"), paper$text, fixed = TRUE)))
  expect_true(any(grepl(paste0(paper$kept$fit$n_movers, " moves in"), paper$text, fixed = TRUE)))
  expect_true(any(paper$text == paste0(
    number(coef(paper$kept$fit)[["rent"]]), " (", number(sqrt(vcov(paper$kept$fit)["rent", "rent"])), ")"
  )))
  # as a document of Word too
  expect_true(render_paper(refill, params, "word_document")$done)
})

test_that("players and clubs give a paper too", {
  skip_without_paper()
  skip_if_not_installed("Lahman")
  refill <- c(
    "seen <- Lahman::Appearances; seen <- seen[seen$yearID %in% 2000:2008, ]",
    "where <- data.frame(player = as.character(seen$playerID), year = seen$yearID, club = as.character(seen$teamID),",
    "  games = seen$G_all)",
    "clubs <- Lahman::Teams; clubs <- clubs[clubs$yearID %in% 2000:2008, ]",
    "places <- data.frame(place = as.character(clubs$teamID), year = clubs$yearID, win = clubs$W / clubs$G)",
    "renamed <- data.frame(old = c('MON', 'ANA'), new = c('WAS', 'LAA'))",
    "places$place[places$place %in% renamed$old] <- renamed$new[match(places$place[places$place %in% renamed$old], renamed$old)]",
    "where <- as_occasions(where, 'player', 'club', 'year', weight = 'games', recode = renamed, before = 'games')",
    "where <- where[!is.na(where$from) & !is.na(where$to), ]",
    "data <- migration_data(as.data.frame(where), places, firm = 'player', time = 'year')",
    "clustered_by <- ~player",
    "terms <- ~ push(win) + pull(win) + keep(log(games))",
    "causes <- 'win'",
    "performance <- 'games'; data$firms$one <- 1; weight <- 'one'",
    "groups <- list('success of clubs' = c('push(win)', 'pull(win)'), player = 'keep(log(games))')"
  )
  params <- list(
    quick = TRUE, study = FALSE, simulated = FALSE, firms = "players", subtitle = "", origin = "KCA", destination = "BOS"
  )
  paper <- render_paper(refill, params, keep = c("fit", "leavers", "account"))
  expect_true(paper$done, info = paper$log)
  expect_identical(gaps_of(paper$text), character())
  expect_numbers(paper$text, paper$kept$fit, c("push(win)", "pull(win)"), ~player)
  expect_true(any(grepl("players stays or goes", paper$text)))
  expect_false(any(grepl("Wenzhou|lamp|simulated|networks", paper$text)))
})

test_that("captions of the template have no sign that LaTeX takes for a comment", {
  captions <- grep("fig.cap", paper_skeleton(), value = TRUE)
  expect_gte(length(captions), 7L)
  expect_false(any(grepl("%", captions, fixed = TRUE)))
})
