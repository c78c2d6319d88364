# Engines: how a call reaches the processes of a parallel cluster and how its answer comes back. The rest of the
# package knows three functions, with a method for sockets (PSOCK, fork), for MPI and for mirai:
#
#   engine_send(engine, i, call, task)      hands node i a call; FALSE when the node is gone
#   engine_ready(engine, nodes, seconds)    which of the nodes have an answer (or are gone), waiting at most so long
#   engine_receive(engine, i)               a reply() of node i
#
# A node is given one call at a time. `task` is a number that comes back with the answer, so that the answer to a
# call of an earlier fit, which was interrupted, is told from the one that is waited for.

# The engine of a cluster object, by the class of its nodes
engine_of <- function(workers) {
  if (!inherits(workers, "cluster") || length(workers) == 0L) {
    abort(
      "`workers` must be a cluster of at least one process, as migration_workers(2) makes it, not ",
      if (inherits(workers, "cluster")) "an empty one" else paste("an object of class", class(workers)[1L]), ".",
      class = "argument"
    )
  }
  nodes <- unclass(workers)
  kinds <- c(SOCKnode = "socket", SOCK0node = "socket", MPInode = "mpi", miraiNode = "mirai")
  kind <- unique(vapply(nodes, function(node) kinds[inherits(node, names(kinds), which = TRUE) > 0L][1L], ""))
  if (length(kind) != 1L || is.na(kind)) {
    abort(
      "`workers` has nodes of class ", quote_names(unique(vapply(nodes, function(node) class(node)[1L], ""))),
      ". Use migration_workers(), parallel::makeCluster(), snow::makeMPIcluster() or mirai::make_cluster().",
      class = "argument"
    )
  }
  switch(kind,
    socket = socket_engine(nodes),
    mpi = mpi_engine(nodes),
    mirai = mirai_engine(nodes)
  )
}

engine_send <- function(engine, i, call, task) UseMethod("engine_send")

engine_ready <- function(engine, nodes, seconds) UseMethod("engine_ready")

engine_receive <- function(engine, i) UseMethod("engine_receive")

# What came from a node: the value of a call (or the words of its error), or that the node is gone
reply <- function(task = NULL, value = NULL, error = NULL, lost = FALSE) {
  list(task = task, value = value, error = error, lost = lost)
}

# The message that the loop of a parallel or snow worker carries out: one protocol, the same since 2003
execute <- function(call, task) {
  list(type = "EXEC", data = list(fun = call$fun, args = call$args, return = TRUE, tag = task))
}

executed <- function(answer) {
  if (isFALSE(answer$success)) {
    return(reply(answer$tag, error = as.character(answer$value)))
  }
  reply(answer$tag, answer$value)
}

# Asks `test` again and again, ever less often, until an element is TRUE or the time is up
poll <- function(test, seconds) {
  end <- elapsed() + seconds
  pause <- 1e-4
  repeat {
    found <- test()
    if (any(found) || elapsed() >= end) {
      return(found)
    }
    Sys.sleep(min(pause, max(0, end - elapsed())))
    pause <- min(2 * pause, 5e-3)
  }
}

# Seconds on the clock
elapsed <- function() proc.time()[["elapsed"]]

# Sockets: PSOCK and fork clusters ------------------------------------------------------------------------------

socket_engine <- function(nodes) {
  structure(list(nodes = nodes), class = "engine_socket")
}

#' @export
engine_send.engine_socket <- function(engine, i, call, task) {
  node <- engine$nodes[[i]]
  whole(
    node$con,
    {
      serialize(execute(call, task), node$con, xdr = inherits(node, "SOCKnode"))
      TRUE
    },
    FALSE
  )
}

# Seconds without a byte after which a message that was begun counts as broken off
stall_seconds <- 3

# Sends or receives a message as a whole: an interrupt in the middle of it would leave its other half to the next one,
# so it waits. A message that stalls is given up with its connection, and gives `otherwise`. Events of
# other packages start the time of a socket anew, which no function of R's interface can prevent.
whole <- function(connection, code, otherwise) {
  suspendInterrupts(tryCatch(
    {
      before <- socketTimeout(connection)
      socketTimeout(connection, stall_seconds)
      value <- code
      socketTimeout(connection, before)
      value
    },
    error = function(e) {
      tryCatch(close(connection), error = function(e) NULL)
      otherwise
    }
  ))
}

#' @export
engine_ready.engine_socket <- function(engine, nodes, seconds) {
  sockets <- lapply(engine$nodes[nodes], `[[`, "con")
  # a connection that was closed here cannot be waited for: "ready", and receiving from it tells that it is gone
  closed <- !vapply(sockets, is_open_socket, NA)
  if (any(closed)) {
    return(closed)
  }
  socketSelect(sockets, timeout = seconds)
}

is_open_socket <- function(connection) tryCatch(isOpen(connection), error = function(e) FALSE)

#' @export
engine_receive.engine_socket <- function(engine, i) {
  connection <- engine$nodes[[i]]$con
  whole(connection, executed(unserialize(connection)), reply(lost = TRUE))
}

# MPI: clusters of snow over Rmpi -------------------------------------------------------------------------------

mpi_engine <- function(nodes) {
  need_worker_package("Rmpi")
  structure(list(nodes = nodes), class = "engine_mpi")
}

#' @export
engine_send.engine_mpi <- function(engine, i, call, task) {
  node <- engine$nodes[[i]]
  Rmpi::mpi.send.Robj(execute(call, task), node$rank, node$SENDTAG, node$comm)
  TRUE
}

#' @export
engine_ready.engine_mpi <- function(engine, nodes, seconds) {
  has_mail <- function(node) Rmpi::mpi.iprobe(node$rank, node$RECVTAG, node$comm, 0)
  poll(function() vapply(engine$nodes[nodes], has_mail, NA), seconds)
}

#' @export
engine_receive.engine_mpi <- function(engine, i) {
  node <- engine$nodes[[i]]
  suspendInterrupts(executed(Rmpi::mpi.recv.Robj(node$rank, node$RECVTAG, node$comm)))
}

# mirai ---------------------------------------------------------------------------------------------------------

# A mirai cluster hands its calls to its daemons in turn, whichever node they were sent to
#
# Nodes keep slices, so a call has to reach the process that has them. `ring` has the nodes in the order of their
# turns; turns that are not wanted are spent on calls that do nothing. `who` has the process that answers for each
# node; when another one does, the ring is turned. A call that goes astray is answered all the same, by a process
# that first has to read its slices.
mirai_engine <- function(nodes) {
  need_worker_package("mirai")
  engine <- new.env(parent = emptyenv())
  engine$id <- attr(nodes[[1L]], "id")
  # daemons take a moment to dial in
  poll(function() mirai_connections(engine) >= length(nodes), 10)
  engine$ring <- seq_len(mirai_connections(engine))
  engine$who <- character(length(nodes))
  engine$pending <- vector("list", length(nodes))
  engine$sent <- engine$turned <- 0
  class(engine) <- "engine_mirai"
  engine
}

mirai_connections <- function(engine) {
  connections <- mirai::status(.compute = engine$id)$connections
  if (is.numeric(connections)) connections[[1L]] else 0
}

#' @export
engine_send.engine_mirai <- function(engine, i, call, task) {
  if (!i %in% engine$ring) {
    return(FALSE)
  }
  while (engine$ring[1L] != i) {
    mirai::mirai(NULL, .compute = engine$id)
    engine$ring <- turn(engine$ring, 1L)
  }
  engine$sent <- engine$sent + 1
  answer <- mirai::mirai(carry_out, .args = call[c("fun", "args")], .compute = engine$id)
  engine$pending[[i]] <- list(answer = answer, task = task, sent = engine$sent)
  engine$ring <- turn(engine$ring, 1L)
  TRUE
}

carry_out <- quote(do.call(fun, args, quote = TRUE))

# A ring with its element `by` + 1 in front
turn <- function(ring, by) ring[(seq_along(ring) - 1L + by) %% length(ring) + 1L]

#' @export
engine_ready.engine_mirai <- function(engine, nodes, seconds) {
  poll(function() !vapply(engine$pending[nodes], function(p) mirai::unresolved(p$answer), NA), seconds)
}

#' @export
engine_receive.engine_mirai <- function(engine, i) {
  pending <- engine$pending[[i]]
  value <- pending$answer$data
  if (mirai::is_mirai_error(value)) {
    return(reply(pending$task, error = as.character(value)))
  }
  if (mirai::is_error_value(value)) {
    return(mirai_unanswered(engine, i, pending))
  }
  learn_turn(engine, i, pending, value$who)
  reply(pending$task, value)
}

# A daemon died with this call: that of node i, unless none is missing and the call had gone astray
mirai_unanswered <- function(engine, i, pending) {
  if (!poll(function() mirai_connections(engine) < length(engine$ring), 0.5)) {
    return(reply(pending$task, structure(list(state = "dropped"), class = "firmmove_answer")))
  }
  engine$ring <- engine$ring[engine$ring != i]
  reply(lost = TRUE)
}

# Turns the ring when the process of another node has answered a call sent since it was last turned
learn_turn <- function(engine, i, pending, who) {
  if (is.null(who) || who %in% engine$who[i]) {
    return(invisible())
  }
  other <- match(who, engine$who)
  if (is.na(other)) {
    engine$who[i] <- who
  } else if (other %in% engine$ring && pending$sent > engine$turned) {
    engine$ring <- turn(engine$ring, match(other, engine$ring) - match(i, engine$ring))
    engine$turned <- engine$sent
  }
}

need_worker_package <- function(package, available = requireNamespace(package, quietly = TRUE)) {
  if (!available) {
    abort("`workers` of this kind need the package ", package, ", which is not installed.", class = "package")
  }
}
