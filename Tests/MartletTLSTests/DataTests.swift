import NIOCore
import NIOEmbedded
import Testing

@testable import MartletTLS

extension TLSTests {
  @Suite struct DataTests {
    @Test(arguments: [TLSVersion.tls12, .tls13], [Int.max, 1])
    func `Bytes arrive as they were written, however they are cut`(
      version: TLSVersion, pieces: Int
    ) throws {
      let pair = try TLSPair(newestVersion: version)
      try pair.connect(pieces: pieces)
      pair.client.send("from the client")
      pair.server.send("from the server")
      try pair.pump(pieces: pieces)
      #expect(pair.server.journal.text == "from the client")
      #expect(pair.client.journal.text == "from the server")
      #expect(pair.client.journal.errors.isEmpty && pair.server.journal.errors.isEmpty)
    }

    @Test func `Nothing readable is on the wire`() throws {
      let pair = try TLSPair()
      try pair.connect()
      pair.client.send("attack at dawn")
      try pair.pump()
      let wire = String(decoding: pair.client.sent.readableBytesView, as: UTF8.self)
      #expect(!wire.contains("dawn"))
    }

    @Test func `What is written before the handshake ends leaves after it, in order`() throws {
      let pair = try TLSPair()
      let first = pair.client.send("one ")
      try pair.activate()
      pair.client.send("two ")
      pair.client.write("three ")
      pair.client.write("four")
      try pair.pump()
      // The last two were not flushed.
      #expect(pair.server.journal.text == "one two ")
      try first.wait()
      pair.client.channel.flush()
      pair.client.send(" five")
      try pair.pump()
      #expect(pair.server.journal.text == "one two three four five")
    }

    @Test func `The first bytes leave with the end of the handshake`() throws {
      let pair = try TLSPair()
      pair.client.send("hello")
      try pair.activate()
      let hello = try #require(try pair.client.takeSent())
      try pair.server.receive(hello)
      let flight = try #require(try pair.server.takeSent())
      try pair.client.receive(flight)
      let last = try #require(try pair.client.takeSent())
      #expect(try pair.client.takeSent() == nil)
      try pair.server.receive(last)
      #expect(
        pair.server.journal.entries == [
          .handshake(TLSHandshakeCompleted(version: .tls13, serverName: "localhost")), .bytes(5),
        ])
    }

    @Test func `A write's promise completes when its ciphertext has been written`() throws {
      let pair = try TLSPair()
      let early = pair.client.send("early")
      try pair.activate()
      var completed: [Int] = []
      for (number, write) in [early, pair.client.write("a"), pair.client.write("b")].enumerated() {
        write.assumeIsolated().whenSuccess { completed.append(number) }
      }
      pair.client.hold()
      pair.client.channel.flush()
      try pair.pump()
      #expect(completed.isEmpty)
      pair.client.release()
      try pair.pump()
      #expect(completed == [0, 1, 2] && pair.server.journal.text == "earlyab")
    }

    @Test func `One flush makes one write of few records, and one buffer for the reader`() throws {
      let pair = try TLSPair()
      try pair.connect()
      for number in 0..<1_000 { pair.client.write("message \(number % 10)\n") }
      pair.client.channel.flush()
      let written = try #require(try pair.client.takeSent())
      #expect(try pair.client.takeSent() == nil)
      #expect(written.readableBytes < 10_000 + 100)
      try pair.server.receive(written)
      #expect(pair.server.journal.entries.dropFirst() == [.bytes(10_000)])
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `Buffers of all sizes arrive whole`(version: TLSVersion) throws {
      let pair = try TLSPair(newestVersion: version)
      try pair.connect()
      var expected = ByteBuffer()
      for size in [0, 1, 16_383, 16_384, 16_385, 0, 3, 100_000, 5] {
        let bytes = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        expected.writeImmutableBuffer(bytes)
        pair.client.channel.write(bytes, promise: nil)
        if size % 2 == 0 { pair.client.channel.flush() }
      }
      pair.client.channel.flush()
      try pair.pump(pieces: 1_000)
      #expect(pair.server.journal.bytes == expected)
    }

    @Test func `An empty write completes`() throws {
      let pair = try TLSPair()
      try pair.connect()
      let write = pair.client.send("")
      try pair.pump()
      try write.wait()
      #expect(pair.server.journal.bytes.readableBytes == 0)
    }

    @Test func `Ten megabytes each way at a time`() throws {
      let pair = try TLSPair()
      try pair.connect()
      let bytes = ByteBuffer(bytes: (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 / 251) })
      pair.client.channel.writeAndFlush(bytes, promise: nil)
      pair.server.channel.writeAndFlush(bytes, promise: nil)
      try pair.pump(pieces: 65_536)
      #expect(pair.server.journal.bytes == bytes)
      #expect(pair.client.journal.bytes == bytes)
    }

    @Test func `Bytes that were changed on their way are an error`() throws {
      let pair = try TLSPair()
      try pair.connect()
      pair.client.send("pay 100")
      var record = try #require(try pair.client.takeSent())
      let last = record.writerIndex - 1
      record.setInteger(record.getInteger(at: last, as: UInt8.self).map { $0 ^ 1 } ?? 0, at: last)
      try pair.server.receive(record)
      try pair.pump()
      #expect(
        pair.server.journal.entries.suffix(2) == [
          .error(.connection("decryption failed or bad record mac")), .inactive,
        ])
      #expect(
        pair.client.journal.errors == [.connection("the peer refuses: bad record mac")])
      #expect(pair.server.journal.text.isEmpty)
    }

    @Test func `An intact record before a forged one is delivered`() throws {
      let pair = try TLSPair()
      try pair.connect()
      pair.client.send("intact")
      var bytes = try #require(try pair.client.takeSent())
      bytes.writeBytes([23, 3, 3, 0, 20] + [UInt8](repeating: 7, count: 20))
      try pair.server.receive(bytes)
      #expect(pair.server.journal.text == "intact")
      #expect(pair.server.journal.errors.count == 1)
    }

    // MARK: Re-entrancy

    @Test func `An application may answer from within a read`() throws {
      let pair = try TLSPair(server: { entry, channel in
        guard case .bytes(let count) = entry else { return }
        channel.writeAndFlush(ByteBuffer(string: "\(count) "), promise: nil)
      })
      try pair.connect()
      for text in ["a", "bb", "ccc"] {
        pair.client.send(text)
        try pair.pump()
      }
      #expect(pair.client.journal.text == "1 2 3 ")
    }

    @Test func `An application may greet when the handshake ends`() throws {
      let greet: (Journal.Entry, any Channel) -> Void = { entry, channel in
        guard case .handshake = entry else { return }
        channel.writeAndFlush(ByteBuffer(string: "welcome"), promise: nil)
      }
      let pair = try TLSPair(client: greet, server: greet)
      pair.client.send("me first, ")
      try pair.connect()
      #expect(pair.client.journal.text == "welcome")
      #expect(pair.server.journal.text == "me first, welcome")
    }

    // MARK: Reading on demand, memory

    @Test func `A record that is not whole yet makes the handler ask for more`() throws {
      let pair = try TLSPair()
      try pair.connect()
      pair.client.send("whole")
      var record = try #require(try pair.client.takeSent())
      let start = record.readSlice(length: 10)
      let half = try #require(start)
      let asked = pair.server.reads
      pair.server.channel.read()
      try pair.server.receive(half)
      #expect(pair.server.reads == asked + 2)
      try pair.server.receive(record)
      #expect(pair.server.reads == asked + 2 && pair.server.journal.text == "whole")
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `An idle session keeps no buffers`(version: TLSVersion) throws {
      let pair = try TLSPair(newestVersion: version)
      try pair.connect()
      #expect(pair.server.handler.bufferedCapacity == 0)
      #expect(pair.client.handler.bufferedCapacity == 0)
      let large = String(repeating: "x", count: 100_000)
      pair.client.send(large)
      pair.server.send(large)
      try pair.pump()
      #expect(pair.server.journal.text == large && pair.client.journal.text == large)
      #expect(pair.server.handler.bufferedCapacity == 0)
      #expect(pair.client.handler.bufferedCapacity == 0)
    }
  }
}
