internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A TCP proxy on loopback whose faults can be changed at any time, for the connections it has and
/// those to come. Ends with its owner.
///
/// Any thread. A change is in force when its function returns: no byte sent later escapes it.
package final class FaultProxy: Sendable {
  /// What is wrong with the way between clients and server.
  ///
  /// The end of a connection (FIN or RST) is held where bytes are dropped or held, and goes on with
  /// ``pass``, as TCP would repeat it.
  package enum Fault: CaseIterable, Sendable {
    /// Nothing.
    case pass
    /// Connections stay open and are accepted; bytes are dropped, those on their way too.
    case blackhole
    /// Connections stay open and are accepted; bytes are held, in order. Reading stops at 256 KiB
    /// each way, after which the system's socket buffers fill.
    case stall
    /// Bytes from the client pass, replies are dropped.
    case halfOpen
    /// The server has gone and no FIN has reached the client: the server's side is reset, the
    /// client's stays open, its bytes are dropped. After another fault has been set, the client's
    /// next byte is answered with RST, or at once if it has sent any.
    case vanished
    /// Nobody listens: a connect is refused. Present connections pass.
    case refuse
    /// New connections are accepted and reset at once. Present connections pass.
    case reset
  }

  /// How fast a direction of a connection is.
  package struct Pace: Equatable, Sendable {
    /// How much later each byte arrives.
    package var delay: Duration
    /// For each connection; nil: no limit. Up to a tenth of a second's bytes may go at once.
    package var bytesPerSecond: Int?

    package init(delay: Duration = .zero, bytesPerSecond: Int? = nil) {
      precondition(bytesPerSecond.map { $0 > 0 } ?? true, "a stalled direction is a fault")
      self.delay = delay
      self.bytesPerSecond = bytesPerSecond
    }
  }

  struct Settings {
    var fault = Fault.pass
    var toServer = Pace()
    var toClient = Pace()
  }

  /// Where it listens, on 127.0.0.1; the same for its whole life.
  package let port: Int
  private let eventLoop: any EventLoop
  private let listener: NIOLoopBound<FaultListener>
  private let counts: FaultListener.Counts

  private init(
    _ port: Int, _ eventLoop: any EventLoop, _ listener: NIOLoopBound<FaultListener>,
    _ counts: FaultListener.Counts
  ) {
    self.port = port
    self.eventLoop = eventLoop
    self.listener = listener
    self.counts = counts
  }

  deinit {
    let listener = listener
    eventLoop.execute { _ = listener.value.stop() }
  }

  /// Listens on a free port and passes each connection on to `host` and `port`.
  package static func start(to host: String, port: Int) async throws -> FaultProxy {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let counts = FaultListener.Counts()
    // A free port can be taken by somebody else before it is bound.
    for _ in 0..<5 {
      let own = try await FreePort.find()
      let listener = try await eventLoop.submit {
        NIOLoopBound(
          FaultListener(eventLoop, port: own, to: (host, port), counts), eventLoop: eventLoop)
      }.get()
      do {
        try await eventLoop.flatSubmit { listener.value.settle() }.get()
        return FaultProxy(own, eventLoop, listener, counts)
      } catch {}
    }
    throw NeverTrue(what: "the proxy listens")
  }

  /// Connections that the client has not ended, and that have not been ended for it.
  package var connectionCount: Int { counts.open.load(ordering: .relaxed) }

  /// Connections accepted so far, with those that were reset at once.
  package var acceptedCount: Int { counts.accepted.load(ordering: .relaxed) }

  /// Bytes dropped so far, of both directions: what was sent into a black hole has got there.
  package var droppedByteCount: Int { counts.droppedBytes.load(ordering: .relaxed) }

  /// Puts another fault in the place of the present one.
  ///
  /// - Throws: if the port cannot be bound again after ``Fault/refuse``.
  package func set(_ fault: Fault) async throws {
    let listener = listener
    try await eventLoop.flatSubmit { listener.value.set(fault) }.get()
  }

  /// Sets both directions' pace; bytes on their way follow the new one.
  package func setPace(toServer: Pace = Pace(), toClient: Pace = Pace()) async throws {
    let listener = listener
    try await eventLoop.submit {
      listener.value.setPace(toServer: toServer, toClient: toClient)
    }.get()
  }

  /// Breaks all present connections off with RST, on both sides; new ones go by the present fault.
  package func cut() async throws {
    let listener = listener
    try await eventLoop.submit { listener.value.cut() }.get()
  }

  /// Closes everything; the port is free afterwards.
  package func stop() async throws {
    let listener = listener
    try await eventLoop.flatSubmit { listener.value.stop() }.get()
  }
}

extension FaultProxy.Fault {
  var flowToServer: FaultPipe.Flow {
    switch self {
    case .pass, .halfOpen, .refuse, .reset: .pass
    case .blackhole, .vanished: .drop
    case .stall: .hold
    }
  }

  var flowToClient: FaultPipe.Flow {
    switch self {
    case .pass, .refuse, .reset: .pass
    case .blackhole, .halfOpen, .vanished: .drop
    case .stall: .hold
    }
  }
}
