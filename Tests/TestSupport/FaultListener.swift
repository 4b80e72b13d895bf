internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The port of a ``FaultProxy`` and its connections. Confined to one event loop.
final class FaultListener {
  /// Read on any thread.
  final class Counts: Sendable {
    let open = Atomic<Int>(0)
    let accepted = Atomic<Int>(0)
    let droppedBytes = Atomic<Int>(0)
  }

  /// Together two seconds for a port that is not free yet.
  private static let maximumAttempts = 200
  private static let pause = TimeAmount.milliseconds(10)

  private let eventLoop: any EventLoop
  private let port: Int
  private let server: (host: String, port: Int)
  private let counts: Counts
  private var settings = FaultProxy.Settings()
  private var channel: (any Channel)?
  private var links: [ObjectIdentifier: FaultLink] = [:]
  private var isStopped = false
  private var lastChange: EventLoopFuture<Void>

  init(
    _ eventLoop: any EventLoop, port: Int, to server: (host: String, port: Int), _ counts: Counts
  ) {
    self.eventLoop = eventLoop
    self.port = port
    self.server = server
    self.counts = counts
    lastChange = eventLoop.makeSucceededVoidFuture()
  }

  /// Listens, or does not, as the fault asks for; one change after the other.
  func settle() -> EventLoopFuture<Void> {
    let change = lastChange.assumeIsolated()
      .flatMapError { _ in self.eventLoop.makeSucceededVoidFuture() }
      .flatMap {
        let wantsToListen = !self.isStopped && self.settings.fault != .refuse
        switch self.channel {
        case nil where wantsToListen: return self.listen(attempts: Self.maximumAttempts)
        case let channel? where !wantsToListen:
          self.channel = nil
          return channel.close()
        default: return self.eventLoop.makeSucceededVoidFuture()
        }
      }.nonisolated()
    lastChange = change
    return change
  }

  private func listen(attempts: Int) -> EventLoopFuture<Void> {
    let listener = NIOLoopBound(self, eventLoop: eventLoop)
    return ServerBootstrap(group: eventLoop)
      // Connections that have been there do not keep the port.
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try listener.value.accept(channel) }
      }
      .bind(host: "127.0.0.1", port: port)
      .map { listener.value.channel = $0 }
      .flatMapError { error in
        listener.value.listenAgain(attempts: attempts - 1, after: error)
      }
  }

  /// A process that is being started has our sockets until it has closed its copies.
  private func listenAgain(attempts: Int, after error: any Error) -> EventLoopFuture<Void> {
    if attempts == 0 { return eventLoop.makeFailedFuture(error) }
    let listener = NIOLoopBound(self, eventLoop: eventLoop)
    return eventLoop.flatScheduleTask(in: Self.pause) {
      listener.value.listen(attempts: attempts)
    }.futureResult
  }

  private func accept(_ channel: any Channel) throws {
    let link = try FaultLink(channel, to: server, settings, counts)
    let id = ObjectIdentifier(link)
    links[id] = link
    counts.accepted.add(1, ordering: .relaxed)
    counts.open.add(1, ordering: .relaxed)
    link.onClientEnd = { [counts] in counts.open.subtract(1, ordering: .relaxed) }
    link.onEnd = { [weak self] in self?.links[id] = nil }
  }

  func set(_ fault: FaultProxy.Fault) -> EventLoopFuture<Void> {
    settings.fault = fault
    applySettings()
    return settle()
  }

  func setPace(toServer: FaultProxy.Pace, toClient: FaultProxy.Pace) {
    settings.toServer = toServer
    settings.toClient = toClient
    applySettings()
  }

  private func applySettings() {
    for link in Array(links.values) { link.apply(settings) }
  }

  func cut() {
    for link in Array(links.values) { link.reset() }
  }

  func stop() -> EventLoopFuture<Void> {
    isStopped = true
    for link in Array(links.values) { link.close() }
    return settle()
  }
}
