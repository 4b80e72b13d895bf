/// When a client looks at what its connection has brought.
enum Reading {
  case atOnce
  /// When it is told to, by ``ClientTransport/read()``: WebSockets on plain sockets of their own. To others it means at once.
  case onDemand
  /// Not at all, as a client that stalls: what comes meanwhile waits at the server.
  case paused
}
