import Foundation
import MartletTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import MartletHTTP2

/// On real sockets, against our own client and against curl.
@Suite struct SocketTests {
  /// Sends back what comes.
  private final class Echo: HTTP2StreamDelegate {
    private let stream: HTTP2Stream

    init(_ stream: HTTP2Stream) {
      self.stream = stream
      stream.respond(status: .ok, headers: ["content-type": "application/octet-stream"])
    }

    func received(_ bytes: ByteBuffer) { stream.write(bytes) }
    func receivedEnd() { stream.end() }
    func closed(_ reason: HTTP2StreamClosure) {}
  }

  private final class Counting: HTTP2ClientStreamDelegate {
    private let counter: Counter

    init(_ counter: Counter) {
      self.counter = counter
    }

    func received(_ head: HTTP2ResponseHead) {}
    func received(_ bytes: ByteBuffer) {
      counter.totals.withLock { $0.bytes += bytes.readableBytes }
    }
    func receivedEnd() {}
    func closed(_ reason: HTTP2StreamClosure) {
      counter.totals.withLock { if reason == .finished { $0.finished += 1 } }
    }
  }

  private final class Counter: Sendable {
    let totals = Mutex((bytes: 0, finished: 0))
  }

  private func listen() async throws -> any Channel {
    try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            HTTP2ServerHandler { stream, head in
              precondition(stream.remoteAddress?.ipAddress == "127.0.0.1")
              return head.path == "/none" ? nil : Echo(stream)
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  private func connect(to listener: any Channel) async throws -> any Channel {
    try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(HTTP2ClientHandler())
        }
      }
      .connect(host: "127.0.0.1", port: listener.localAddress?.port ?? 0).get()
  }

  @Test func `Many streams carry much at the same time`() async throws {
    let listener = try await listen()
    let channel = try await connect(to: listener)
    let counter = Counter()
    let size = 200_000
    try await channel.eventLoop.submit {
      let client = try channel.pipeline.syncOperations.handler(type: HTTP2ClientHandler.self)
      for _ in 0..<100 {
        let stream = client.request(
          .webSocket(authority: "localhost", path: "/"), delegate: Counting(counter))
        stream.write(ByteBuffer(repeating: 7, count: size))
        stream.end()
      }
    }.get()
    try await eventually("all streams have ended") {
      counter.totals.withLock { $0.finished } == 100
    }
    #expect(counter.totals.withLock { $0.bytes } == 100 * size)
    try await channel.close().get()
    try await listener.close().get()
  }

  @Test func `A connection ends gracefully`() async throws {
    let listener = try await listen()
    let channel = try await connect(to: listener)
    let counter = Counter()
    try await channel.eventLoop.submit {
      let client = try channel.pipeline.syncOperations.handler(type: HTTP2ClientHandler.self)
      let stream = client.request(
        .webSocket(authority: "localhost", path: "/"), delegate: Counting(counter))
      stream.write(ByteBuffer(string: "hello"))
      stream.end()
    }.get()
    try await eventually("the stream has ended") { counter.totals.withLock { $0.finished } == 1 }
    try await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.handler(type: HTTP2ClientHandler.self).goAway()
    }.get()
    try await channel.closeFuture.get()
    try await listener.close().get()
  }

  /// What curl wrote with `arguments`, and its status.
  private func curl(
    _ listener: any Channel, _ path: String, _ arguments: [String]
  ) async throws -> (status: Int32?, output: Data) {
    let port = try #require(listener.localAddress?.port)
    let output = NSTemporaryDirectory() + "/martlet-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: output) }
    let process = try ChildProcess(
      "curl",
      ["--http2-prior-knowledge", "-sS", "--max-time", "20", "http://127.0.0.1:\(port)\(path)"]
        + arguments, output: output)
    try await eventually("curl ends") { !process.isRunning }
    return (process.status, try Data(contentsOf: URL(filePath: output)))
  }

  @Test func `curl posts a megabyte and gets it back`() async throws {
    let listener = try await listen()
    let body = Data((0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
    let file = NSTemporaryDirectory() + "/martlet-\(UUID().uuidString)"
    try body.write(to: URL(filePath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let (status, output) = try await curl(listener, "/", ["--data-binary", "@\(file)"])
    #expect(status == 0 && output == body)
    try await listener.close().get()
  }

  @Test func `curl sees the status, the version and a refusal`() async throws {
    let listener = try await listen()
    let answered = try await curl(
      listener, "/", ["-w", "%{http_version} %{response_code} %{content_type}"])
    #expect(answered.status == 0)
    #expect(String(decoding: answered.output, as: UTF8.self) == "2 200 application/octet-stream")
    let refused = try await curl(listener, "/none", [])
    // CURLE_HTTP2_STREAM, or that there was no answer.
    #expect(refused.status != 0)
    try await listener.close().get()
  }
}
