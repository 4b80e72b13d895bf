/// When a client looks at what its connection has brought.
enum Reading {
  case atOnce
  /// When it is told to, by ``ClientTransport/read()``. On connections that clients share, and of polls, the same as at once: there is
  /// little to gain.
  case onDemand
  /// Not at all, as a client that stalls: what comes meanwhile waits at the server.
  case paused
}
