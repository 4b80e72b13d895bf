import Foundation
import MartletTLS
import NIOCore
import NIOPosix
import Synchronization

/// The server and what is measured of it. One event loop.
struct Measurement {
  var usesTLS: Bool
  var sessions: Int
  var rounds: Int
  var directory: String

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let context = try usesTLS ? server() : nil
    let open = NIOLoopBoundBox.makeBoxSendingValue([any Channel](), eventLoop: loop)
    let listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(TLSHandler.server(context))
          }
          open.value.append(channel)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0

    // Memory that the first connections of a process need once is not counted.
    let first = try clients(min(20, sessions), 1, port)
    try first.process.run()
    try await first.areReady()
    try await deliver(1, open, loop)
    first.process.waitUntilExit()
    while try await loop.submit({ open.value.contains { $0.isActive } }).get() {
      try await Task.sleep(for: .milliseconds(10))
    }
    try await loop.submit { open.value = [] }.get()

    let before = residentBytes()
    let cpuBefore = try await cpuNanoseconds(loop)
    let clients = try clients(sessions, rounds, port)
    try clients.process.run()
    try await clients.areReady()
    let cpuConnected = try await cpuNanoseconds(loop)
    let after = residentBytes()
    try await deliver(rounds, open, loop)
    let cpuDelivered = try await cpuNanoseconds(loop)
    clients.process.waitUntilExit()
    guard clients.process.terminationStatus == 0 else { throw ClientsFailed() }

    let name = usesTLS ? "tls" : "plain"
    print(
      "\(name): \((after - before) / sessions) bytes per idle connection,",
      "\(format(cpuConnected - cpuBefore, sessions)) µs per connection,",
      "\(format(cpuDelivered - cpuConnected, sessions * rounds)) µs per delivery of 128 bytes")
    try await listener.close().get()
    try await group.shutdownGracefully()
  }

  private struct ClientsFailed: Error {}

  private func server() throws -> TLSContext {
    try .server(
      TLSServerConfiguration(
        certificateFile: directory + "/server.pem", privateKeyFile: directory + "/server.key"))
  }

  /// Sends one publication to each connection, waits until all have left, and begins again.
  private func deliver(
    _ rounds: Int, _ open: NIOLoopBoundBox<[any Channel]>, _ loop: any EventLoop
  ) async throws {
    for _ in 0..<rounds {
      try await loop.flatSubmit {
        EventLoopFuture.andAllSucceed(
          open.value.map { $0.writeAndFlush(TLSCost.publication) }, on: loop)
      }.get()
    }
  }

  private func clients(_ sessions: Int, _ rounds: Int, _ port: Int) throws -> ClientProcess {
    ClientProcess(
      arguments: [
        "connect", usesTLS ? "tls" : "plain", "\(sessions)",
        "\(rounds * TLSCost.publication.readableBytes)", "\(port)",
      ])
  }

  private func format(_ nanoseconds: Int, _ count: Int) -> String {
    String(format: "%.2f", Double(nanoseconds) / Double(count) / 1_000)
  }

  /// Of the loop's thread, with the kernel's work for it.
  private func cpuNanoseconds(_ loop: any EventLoop) async throws -> Int {
    try await loop.submit {
      var time = timespec()
      unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }.get()
  }

  private func residentBytes() -> Int {
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
      .split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// A process of ``Clients``.
private struct ClientProcess {
  let process = Process()
  private let output = Pipe()

  init(arguments: [String]) {
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardOutput = output
  }

  /// Waits for the line that says that all are connected.
  func areReady() async throws {
    _ = output.fileHandleForReading.availableData
    // What the server still does for the last handshake.
    try await Task.sleep(for: .milliseconds(200))
  }
}
