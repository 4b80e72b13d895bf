import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  @Suite struct SocketTests {
    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `Ten megabytes go to a server and come back intact`(version: TLSVersion) async throws {
      let listener = try await Loopback.echo(.testServer())
      let journal = Journal()
      let channel = try await Loopback.connect(
        .testClient(newestVersion: version), port: listener.localAddress?.port, journal)
      let bytes = ByteBuffer(bytes: (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 / 251) })
      try await channel.writeAndFlush(bytes).get()
      try await eventually("all bytes have come back") {
        journal.bytes.readableBytes == bytes.readableBytes
      }
      #expect(journal.bytes == bytes)
      #expect(journal.handshake?.version == version)
      try await channel.close().get()
      try await listener.close().get()
      #expect(journal.errors.isEmpty)
    }

    @Test func `Many small writes keep their order`() async throws {
      let listener = try await Loopback.echo(.testServer())
      let journal = Journal()
      let channel = try await Loopback.connect(
        .testClient(), port: listener.localAddress?.port, journal)
      var expected = ""
      for number in 0..<20_000 {
        let line = "line \(number)\n"
        expected += line
        channel.write(ByteBuffer(string: line), promise: nil)
        if number % 7 == 0 { channel.flush() }
      }
      channel.flush()
      let count = expected.utf8.count
      try await eventually("all lines have come back") { journal.bytes.readableBytes == count }
      #expect(journal.text == expected)
      try await channel.close().get()
      try await listener.close().get()
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A client that has closed its half still gets the answer`(
      version: TLSVersion
    ) async throws {
      let journal = Journal()
      let seen = Journal()
      let listener = try await Loopback.listen(.testServer(), seen) { entry, channel in
        guard case .bytes = entry else { return }
        channel.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
      }
      let channel = try await Loopback.connect(
        .testClient(newestVersion: version), port: listener.localAddress?.port, journal)
      // In one turn of the loop: the answer ends the connection.
      let (first, second, late) = try await channel.eventLoop.submit {
        channel.writeAndFlush(ByteBuffer(string: "question"), promise: nil)
        let first = channel.close(mode: .output)
        let second = channel.close(mode: .output)
        return (first, second, channel.writeAndFlush(ByteBuffer(string: "late")))
      }.get()
      try await first.get()
      for refused in [second, late] {
        await #expect(throws: ChannelError.outputClosed) { try await refused.get() }
      }
      try await channel.closeFuture.get()
      #expect(journal.text == "answer" && seen.text == "question")
      #expect(journal.errors.isEmpty && seen.errors.isEmpty)
      try await listener.close().get()
    }

    @Test func `A peer that vanishes is a truncation`() async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(.testServer(), journal)
      let channel = try await Loopback.connect(
        .testClient(), port: listener.localAddress?.port, Journal())
      try await channel.writeAndFlush(ByteBuffer(string: "half")).get()
      try await eventually("the server has read") { journal.text == "half" }
      try await Loopback.cut(channel)
      try await eventually("the server has closed") { journal.isInactive }
      #expect(journal.entries.suffix(2) == [.error(.truncated), .inactive])
      try await listener.close().get()
    }

    @Test func `A server that is refused closes, and its client knows why`() async throws {
      let listener = try await Loopback.listen(.testServer(TestCertificates.ofSuite.stranger))
      let journal = Journal()
      let channel = try await Loopback.connect(
        .testClient(), port: listener.localAddress?.port, journal)
      try await channel.closeFuture.get()
      #expect(
        journal.entries == [
          .error(
            .handshake("certificate verify failed: unable to get local issuer certificate")),
          .inactive,
        ])
      try await listener.close().get()
    }

    @Test func `A listener in plain text is not taken for TLS`() async throws {
      let listener = try await Loopback.plainEcho()
      let journal = Journal()
      let channel = try await Loopback.connect(
        .testClient(), port: listener.localAddress?.port, journal)
      try await channel.closeFuture.get()
      guard case .handshake? = journal.errors.first else {
        Issue.record("\(journal.entries)")
        return
      }
      #expect(journal.errors.count == 1)
      try await listener.close().get()
    }
  }
}
