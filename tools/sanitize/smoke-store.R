# Stores, fits on them, slices: see reach.R.
data <- relocation_data(24)
kinds <- two_kinds_data(firms = 12, times = 2, apart = 1.5)
path <- tempfile("store-")
sliced <- function(iterations = 3, memory = NULL) {
  given <- list(threads = 1, max_iterations = iterations, slice = 8, memory = memory)
  do.call(migration_control, Filter(Negate(is.null), given))
}

step("a store", write_store(data, path))
step("a store of small shards", write_store(data, path, compress = TRUE, overwrite = TRUE, shard_rows = 10))
step("what a store says", {
  store <- open_store(path)
  verify_store(store, clean = TRUE)
  summary(store)
  as_migration_data(store)
})
step("columns of all kinds", {
  places <- data.frame(place = towns, rent = 1:3)
  store <- write_store(
    mixed_firms(6, 2), tempfile("store-"), places = places, time = "year", firm = "firm", shard_rows = 5
  )
  store_rows(store, 1, 12)
})
step("a store of a CSV file", {
  csv <- tempfile(fileext = ".csv")
  tables <- relocation(24)
  write.csv(tables$firms, csv, row.names = FALSE)
  write_store(csv, tempfile("store-"), places = tables$places, ties = tables$ties, time = "year", chunk_rows = 7)
})
step("firms counted in files", {
  csv <- tempfile(fileext = ".csv")
  firms <- data.frame(firm = seq_len(1500), from = towns[1L], to = rep_len(towns, 1500))
  write.csv(firms, csv, row.names = FALSE)
  write_store(csv, tempfile("store-"), places = data.frame(place = towns, rent = 1:3), chunk_rows = 700)
})
step("a fit on a store", vcov(fit_migration(~ rent + distance, open_store(path), control = sliced())))
step("slices on disk", {
  vcov(fit_migration(~ rent + distance, open_store(path), control = sliced(memory = "160KB")))
})
step("latent classes on disk", {
  store <- write_store(kinds, tempfile("store-"))
  vcov(fit_migration(~ x + y, store, model = latent(2, starts = 1), control = sliced(2, "160KB")))
})
step("slices in memory", fit_migration(~ rent + distance, data, control = sliced()))
step("latent classes in slices", fit_migration(~ x + y, kinds, model = latent(2, starts = 1), control = sliced()))
step("threads", .Call(C_startable_threads, 3L))
step("a socket for workers, and a message that stops", {
  server <- worker_server()
  node <- socketConnection("127.0.0.1", server$port, blocking = FALSE, open = "a+b")
  here <- socketAccept(server$socket, blocking = TRUE, open = "a+b", timeout = 60)
  writeBin(serialize(sin(1:100), NULL)[1:200], node)
  engine_receive(socket_engine(list(structure(list(con = here), class = "SOCKnode"))), 1L)
  close(node)
  close(server$socket)
})
