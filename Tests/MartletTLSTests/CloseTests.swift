import NIOCore
import NIOEmbedded
import Testing

@testable import MartletTLS

extension TLSTests {
  @Suite struct CloseTests {
    private func connected(newestVersion: TLSVersion = .tls13) throws -> TLSPair {
      let pair = try TLSPair(newestVersion: newestVersion)
      try pair.connect()
      return pair
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A close is told to the peer, which closes too, and nobody sees an error`(
      version: TLSVersion
    ) throws {
      let pair = try connected(newestVersion: version)
      pair.client.send("bye")
      let close = pair.client.channel.close()
      try pair.pump()
      try close.wait()
      #expect(pair.server.journal.entries.suffix(2) == [.bytes(3), .inactive])
      #expect(pair.client.journal.entries.suffix(1) == [.inactive])
      #expect(pair.client.journal.errors.isEmpty && pair.server.journal.errors.isEmpty)
      #expect(!pair.client.isOpen && !pair.server.isOpen)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `An end without close_notify is reported once, before the channel is inactive`(
      version: TLSVersion
    ) throws {
      let pair = try connected(newestVersion: version)
      pair.client.send("half of ")
      try pair.pump()
      pair.server.cut()
      #expect(
        pair.server.journal.entries.suffix(3) == [.bytes(8), .error(.truncated), .inactive])
    }

    @Test func `An end in the middle of the handshake is a failed handshake`() throws {
      let pair = try TLSPair()
      try pair.activate()
      let write = pair.client.send("lost")
      pair.client.cut()
      let error = TLSError.handshake("the peer has closed the connection")
      #expect(pair.client.journal.entries == [.error(error), .inactive])
      #expect(throws: error) { try write.wait() }
    }

    @Test func `A close before the channel is active closes`() throws {
      let pair = try TLSPair()
      let write = pair.client.send("lost")
      let close = pair.client.channel.close()
      pair.client.channel.embeddedEventLoop.run()
      try close.wait()
      #expect(throws: ChannelError.ioOnClosedChannel) { try write.wait() }
      #expect(pair.client.journal.errors.isEmpty)
    }

    @Test func `A close in the middle of the handshake closes, and fails what waits`() throws {
      let pair = try TLSPair()
      try pair.activate()
      let write = pair.client.send("lost")
      let close = pair.client.channel.close()
      try pair.pump()
      try close.wait()
      #expect(throws: ChannelError.ioOnClosedChannel) { try write.wait() }
      #expect(pair.client.journal.entries == [.inactive])
      #expect(
        pair.server.journal.entries == [
          .error(.handshake("the peer has closed the connection")), .inactive,
        ])
    }

    @Test func `What was not flushed fails with a close, what was flushed does not`() throws {
      let pair = try connected()
      let sent = pair.client.send("sent")
      let unsent = pair.client.write("unsent")
      pair.client.channel.close(promise: nil)
      let late = pair.client.send("late")
      try pair.pump()
      try sent.wait()
      for write in [unsent, late] {
        #expect(throws: ChannelError.ioOnClosedChannel) { try write.wait() }
      }
      #expect(pair.server.journal.text == "sent")
    }

    @Test func `A channel closes when close_notify has left, and all who closed it know`() throws {
      let pair = try connected()
      pair.client.hold()
      let sent = pair.client.send("last words")
      let closes = (0..<3).map { _ in pair.client.channel.close() }
      try pair.pump()
      #expect(pair.client.isOpen)
      // Nothing is delivered any more.
      pair.server.send("too late")
      try pair.pump()
      #expect(pair.client.journal.text.isEmpty)
      pair.client.release()
      try pair.pump()
      try sent.wait()
      for close in closes { try close.wait() }
      #expect(pair.server.journal.text == "last words")
      #expect(pair.server.journal.errors.isEmpty && pair.client.journal.errors.isEmpty)
    }

    @Test func `A peer that does not read cannot keep a closing channel open`() throws {
      let pair = try connected()
      pair.client.hold()
      let sent = pair.client.send("never read")
      let close = pair.client.channel.close()
      let loop = pair.client.channel.embeddedEventLoop
      loop.advanceTime(by: TLSHandler.closeTimeout - .milliseconds(1))
      #expect(pair.client.isOpen)
      loop.advanceTime(by: .milliseconds(1))
      #expect(!pair.client.isOpen)
      try close.wait()
      #expect(throws: ChannelError.ioOnClosedChannel) { try sent.wait() }
      #expect(pair.client.journal.entries.last == .inactive)
    }

    @Test func `A transport that ends while the channel closes ends the close`() throws {
      let pair = try connected()
      pair.client.hold()
      let close = pair.client.channel.close()
      pair.client.cut()
      try close.wait()
      #expect(pair.client.journal.errors.isEmpty && pair.client.journal.isInactive)
      // The time-out has gone with it.
      pair.client.channel.embeddedEventLoop.advanceTime(by: TLSHandler.closeTimeout)
    }

    @Test func `A second close of a closed channel says so`() throws {
      let pair = try connected()
      pair.client.channel.close(promise: nil)
      try pair.pump()
      #expect(throws: ChannelError.alreadyClosed) { try pair.client.channel.close().wait() }
    }

    @Test func `An application may close from within a read`() throws {
      var closed = false
      let pair = try TLSPair(server: { entry, channel in
        guard case .bytes = entry else { return }
        channel.writeAndFlush(ByteBuffer(string: "enough"), promise: nil)
        channel.close(promise: nil)
        closed = true
      })
      try pair.connect()
      pair.client.send("one")
      pair.client.send("two")
      try pair.pump()
      #expect(closed && pair.server.journal.text == "one")
      #expect(pair.client.journal.text == "enough")
      #expect(pair.client.journal.errors.isEmpty && pair.server.journal.errors.isEmpty)
    }

    @Test func `An application may close when the handshake ends`() throws {
      let pair = try TLSPair(server: { entry, channel in
        if case .handshake = entry { channel.close(promise: nil) }
      })
      pair.client.send("unwanted")
      try pair.connect()
      #expect(pair.server.journal.text.isEmpty)
      #expect(!pair.client.isOpen && pair.client.journal.errors.isEmpty)
    }

    @Test func `An application may close when it hears of an error`() throws {
      var closes: [EventLoopFuture<Void>] = []
      let pair = try TLSPair(server: { entry, channel in
        if case .error = entry { closes.append(channel.close()) }
      })
      try pair.activate()
      try pair.server.receive(ByteBuffer(string: "nonsense, not TLS"))
      pair.server.channel.embeddedEventLoop.run()
      #expect(closes.count == 1)
      for close in closes { try close.wait() }
      #expect(pair.server.journal.isInactive)
    }

    @Test func `Bytes with close_notify in one buffer are delivered before the end`() throws {
      let pair = try connected()
      pair.client.send("all of it")
      pair.client.channel.close(promise: nil)
      var together = ByteBuffer()
      while var next = try pair.client.takeSent() { together.writeBuffer(&next) }
      try pair.server.receive(together)
      #expect(
        pair.server.journal.everything.suffix(3) == [.bytes(9), .readComplete, .inactive])
    }

    // MARK: Half-closed channels

    @Test func `A half-closed transport without close_notify is an end`() throws {
      let pair = try connected()
      let unsent = pair.server.write("unsent")
      pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      pair.server.channel.embeddedEventLoop.run()
      #expect(pair.server.journal.entries.suffix(2) == [.error(.truncated), .inactive])
      #expect(throws: TLSError.truncated) { try unsent.wait() }
      // The other half is ended in order.
      try pair.pump()
      #expect(pair.client.journal.errors.isEmpty && !pair.client.isOpen)
    }

    @Test func `A transport half-closed in the handshake is a failed handshake`() throws {
      let pair = try TLSPair()
      try pair.activate()
      pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      pair.server.channel.embeddedEventLoop.run()
      #expect(
        pair.server.journal.entries == [
          .error(.handshake("the peer has closed the connection")), .inactive,
        ])
    }
  }
}
