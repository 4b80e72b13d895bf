import Foundation
import MartletTestSupport
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// A peer that sends nonsense ends its connection and nothing else.
@Suite struct MutationTests {
  /// MARTLET_MUTATION_ROUNDS asks for more than a test run has time for.
  private static let rounds =
    ProcessInfo.processInfo.environment["MARTLET_MUTATION_ROUNDS"].flatMap { Int($0) } ?? 400

  /// A frame that could come; seldom one that breaks the connection.
  private func frame(_ lastStream: inout Int32, _ random: inout SeededGenerator) -> Frame {
    if Int.random(in: 0..<60, using: &random) == 0 { return wildFrame(&random) }
    // One that is open, or was.
    let stream = Int32.random(in: 0...max(lastStream / 2, 0), using: &random) * 2 + 1
    let ends = Int.random(in: 0..<4, using: &random) == 0
    switch lastStream < 0 ? 0 : Int.random(in: 0..<10, using: &random) {
    case 0...2:
      let fields = [EmbeddedServer.request, EmbeddedServer.post, EmbeddedServer.webSocket]
      lastStream += 2
      return .headers(lastStream, fields.randomElement(using: &random) ?? [], endStream: ends)
    case 3, 4:
      let count = Int.random(in: 0...3_000, using: &random)
      return .data(stream, ByteBuffer(repeating: 7, count: count), endStream: ends)
    case 5:
      let growth = UInt32.random(in: 1...100_000, using: &random)
      return .windowUpdate(ends ? 0 : stream, growth)
    case 6: return .reset(stream)
    case 7: return .settings([(4, UInt32.random(in: 0...100_000, using: &random))])
    default: return .ping(UInt64.random(in: 0...9, using: &random))
    }
  }

  private func wildFrame(_ random: inout SeededGenerator) -> Frame {
    let stream = Int32.random(in: 0...12, using: &random)
    let numbers: [UInt32] = [0, 1, 100, 0x7fff_ffff, .max]
    let number = numbers.randomElement(using: &random) ?? 0
    switch Int.random(in: 0..<7, using: &random) {
    case 0: return .headers(stream, [(":status", "200")])
    case 1: return .data(stream, ByteBuffer(repeating: 7, count: 70))
    case 2: return .windowUpdate(stream, number)
    case 3: return .reset(stream, number)
    case 4: return .settings([(UInt16.random(in: 0...10, using: &random), number)])
    case 5: return .goAway(lastStream: stream, number)
    default:
      return Frame(
        kind: UInt8.random(in: 0...12, using: &random),
        flags: UInt8.random(in: 0...255, using: &random), stream: stream,
        payload: ByteBuffer(repeating: 1, count: Int.random(in: 0...40, using: &random)))
    }
  }

  /// Frames, now and then with a byte changed, left out or added.
  private func bytes(
    _ lastStream: inout Int32, _ random: inout SeededGenerator
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      bytes += frame(&lastStream, &random).bytes.readableBytesView
    }
    let mutations = max(Int.random(in: -4...2, using: &random), 0)
    for _ in 0..<mutations where !bytes.isEmpty {
      let place = Int.random(in: bytes.indices, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      }
    }
    return bytes
  }

  /// A delegate that does this and that.
  private func react(_ stream: HTTP2Stream, _ recorder: StreamRecorder, _ choice: Int) {
    switch choice {
    case 0: stream.respond(status: .ok)
    case 1: stream.respond(status: .ok, endStream: true)
    case 2: stream.reset()
    case 3:
      stream.respond(status: .ok)
      stream.setReading(false)
    default:
      stream.respond(status: .ok)
      stream.write(ByteBuffer(repeating: 1, count: 100_000))
      stream.end(discardingInput: choice == 5)
    }
    recorder.onReceived = { stream.write($0) }
    recorder.onEnd = { stream.end() }
    recorder.onClosed = { _ in stream.reset() }
  }

  @Test func `A server survives every client`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<Self.rounds {
      let server = try EmbeddedServer(sendsPreface: Int.random(in: 0..<20, using: &random) > 0)
      var lastStream: Int32 = -1
      var choices = (0..<64).map { _ in Int.random(in: 0...5, using: &random) }
      server.onAccept = { self.react($0, $1, choices.popLast() ?? 0) }
      for _ in 0..<3 {
        var rest = bytes(&lastStream, &random)[...]
        while !rest.isEmpty {
          let part = rest.prefix(Int.random(in: 1...2_000, using: &random))
          try? server.send(bytes: ByteBuffer(bytes: part))
          rest = rest.dropFirst(part.count)
          _ = try? server.received()
        }
        server.streams.randomElement(using: &random)?.setReading(true)
        server.loop.advanceTime(by: .seconds(Int64.random(in: 0...40, using: &random)))
      }
      accepted += server.streams.count
      _ = try? server.channel.finish()
      server.loop.run()
      #expect(server.recorders.allSatisfy { $0.closures.count == 1 }, "seed \(seed)")
      #expect(server.streams.allSatisfy { $0.pendingBytes == 0 }, "seed \(seed)")
      #expect(server.handler.streamCount == 0, "seed \(seed)")
    }
    // Otherwise nothing was tried.
    #expect(accepted > Self.rounds * 2)
  }

  @Test func `A client survives every server`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<Self.rounds {
      let handler = HTTP2ClientHandler()
      let channel = EmbeddedChannel(handler: handler)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
      if Bool.random(using: &random) { try channel.writeInbound(Frame.settings([(8, 1)]).bytes) }
      let recorders = (0..<6).map { _ in StreamRecorder() }
      for recorder in recorders {
        let stream = handler.request(.webSocket(authority: "a", path: "/"), delegate: recorder)
        recorder.onReceived = { stream.write($0) }
        recorder.onEnd = { stream.end() }
      }
      channel.embeddedEventLoop.run()
      // The client has opened 1 to 11.
      var lastStream: Int32 = Bool.random(using: &random) ? -1 : 11
      let answers = (0..<6).map {
        Frame.headers(2 * $0 + 1, [(":status", "200")], endStream: Bool.random(using: &random))
      }
      for answer in answers { _ = try? channel.writeInbound(answer.bytes) }
      let bytes = bytes(&lastStream, &random)
      _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
      channel.embeddedEventLoop.run()
      _ = try? channel.finish()
      channel.embeddedEventLoop.run()
      #expect(recorders.allSatisfy { $0.closures.count == 1 }, "seed \(seed)")
      #expect(handler.streamCount == 0, "seed \(seed)")
    }
  }
}
