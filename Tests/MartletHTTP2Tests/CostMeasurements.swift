import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import MartletHTTP2

/// What streams cost. Prints numbers and expects nothing of them; see docs/decisions/0013 for the command.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["MARTLET_MEASURE"] != nil))
struct CostMeasurements {
  private static let connections = 90
  private static let streamsPerConnection = 100

  /// A stream's owner that keeps nothing.
  private final class Idle: HTTP2StreamDelegate {
    func received(_ bytes: ByteBuffer) {}
    func receivedEnd() {}
    func closed(_ reason: HTTP2StreamClosure) {}
  }

  /// Takes what comes and counts it.
  private final class Sink: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let count: Count

    init(_ count: Count) {
      self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      count.add(unwrapInboundIn(data).readableBytes)
    }
  }

  private final class Count: Sendable {
    private let bytes = Atomic<Int>(0)

    var value: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) {
      bytes.add(count, ordering: .relaxed)
    }
  }

  /// What lives on the server's loop.
  private final class World {
    var streams: [HTTP2Stream] = []
  }

  private let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let received = Count()

  private func listen(_ world: NIOLoopBound<World>?) async throws -> any Channel {
    let received = received
    return try await ServerBootstrap(group: serverGroup)
      .serverChannelOption(.backlog, value: 1_000)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let world else {
            return try channel.pipeline.syncOperations.addHandler(Sink(received))
          }
          try channel.pipeline.syncOperations.addHandler(
            HTTP2ServerHandler { stream, _ in
              stream.respond(status: .ok)
              world.value.streams.append(stream)
              return Idle()
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  private func connect(_ listener: any Channel, _ count: Int) async throws -> [any Channel] {
    let received = received
    let bootstrap = ClientBootstrap(group: clientGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Sink(received))
        }
      }
    var channels: [any Channel] = []
    for _ in 0..<count {
      channels.append(
        try await bootstrap.connect(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
          .get())
    }
    return channels
  }

  /// A client's beginning, with windows for all that is measured.
  private func greet(_ channels: [any Channel]) async throws {
    var bytes = Frame.preface
    for frame in [
      Frame.settings([(4, 0x7fff_ffff)]), .settingsAcknowledgement,
      .windowUpdate(0, 0x7fff_ffff - 65_535),
    ] { bytes.writeImmutableBuffer(frame.bytes) }
    for channel in channels { try await channel.writeAndFlush(bytes).get() }
  }

  private func open(_ count: Int, on channels: [any Channel]) async throws {
    let fields =
      EmbeddedServer.webSocket + [
        ("origin", "https://app.example.org"), ("accept-language", "en-GB,en;q=0.9"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"),
      ]
    for channel in channels {
      var bytes = ByteBuffer()
      for index in 0..<count {
        bytes.writeImmutableBuffer(Frame.headers(Int32(2 * index + 1), fields).bytes)
      }
      try await channel.writeAndFlush(bytes).get()
    }
  }

  private func settle() async throws {
    var last = -1
    while last != received.value {
      last = received.value
      try await Task.sleep(for: .milliseconds(300))
    }
  }

  /// Bytes of the process that are in memory.
  private func residentBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return Int(text.split(separator: " ")[1]).map { $0 * 4_096 } ?? 0
  }

  @Test func `Bytes of a connection and of an idle stream`() async throws {
    let loop = serverGroup.next()
    let world = try await loop.submit { NIOLoopBound(World(), eventLoop: loop) }.get()
    let plain = try await listen(nil)
    let listener = try await listen(world)
    // What is allocated once.
    let warm = try await connect(listener, 10)
    try await greet(warm)
    try await open(Self.streamsPerConnection, on: warm)
    let warmPlain = try await connect(plain, 100)
    try await settle()

    let before = try residentBytes()
    let plainChannels = try await connect(plain, 400)
    try await settle()
    let afterPlain = try residentBytes()
    let channels = try await connect(listener, 400)
    try await greet(channels)
    try await settle()
    let afterConnections = try residentBytes()
    try await open(Self.streamsPerConnection, on: Array(channels.prefix(Self.connections)))
    try await settle()
    let afterStreams = try residentBytes()
    let streams = try await loop.submit { world.value.streams.count }.get()
    #expect(streams == (Self.connections + 10) * Self.streamsPerConnection)
    let plainCost = (afterPlain - before) / 400
    print("plain connection, both ends: \(plainCost) B")
    print("HTTP/2 added: \((afterConnections - afterPlain) / 400 - plainCost) B a connection")
    let count = Self.connections * Self.streamsPerConnection
    print("idle stream: \((afterStreams - afterConnections) / count) B, of \(count)")
    for channel in warm + warmPlain + plainChannels + channels { try await channel.close().get() }
    try await plain.close().get()
    try await listener.close().get()
  }

  @Test func `Time of a small delivery`() async throws {
    let loop = serverGroup.next()
    let world = try await loop.submit { NIOLoopBound(World(), eventLoop: loop) }.get()
    let listener = try await listen(world)
    let channels = try await connect(listener, 10)
    try await greet(channels)
    try await open(Self.streamsPerConnection, on: channels)
    try await settle()
    let size = 200
    let rounds = 1_000
    let message = ByteBuffer(repeating: 7, count: size)
    var times: [Double] = []
    for _ in 0..<5 {
      let start = try await loop.submit { threadTime() }.get()
      for _ in 0..<rounds {
        let expected = received.value + 1_000 * (size + 9)
        try await loop.submit {
          for stream in world.value.streams { stream.write(message) }
        }.get()
        while received.value < expected { await Task.yield() }
      }
      let end = try await loop.submit { threadTime() }.get()
      times.append((end - start) / Double(rounds * 1_000) * 1e6)
    }
    print(
      "deliveries of \(size) B to 1,000 streams on 10 connections, µs of the server's loop each:")
    print(times.map { String(format: "%.3f", $0) }.joined(separator: " "))
    for channel in channels { try await channel.close().get() }
    try await listener.close().get()
  }
}

/// Seconds that this thread has used.
private func threadTime() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
