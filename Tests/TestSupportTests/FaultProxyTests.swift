import Foundation
import MartletTestSupport
import NIOCore
import Testing

@Suite struct FaultProxyTests {
  private let server: EchoServer
  private let proxy: FaultProxy

  init() async throws {
    server = try await EchoServer()
    proxy = try await FaultProxy.start(to: "127.0.0.1", port: server.port)
  }

  /// A client through the proxy whose first bytes have come back.
  private func client(_ greeting: String = "hello ") async throws -> ByteClient {
    let client = try await ByteClient(proxy.port)
    try await client.send(greeting)
    try await client.waits(for: greeting)
    return client
  }

  /// A change is in force when it returns, so what escapes it does so at once.
  private func staysSo(_ what: Comment, _ condition: () -> Bool) async throws {
    for _ in 0..<20 {
      #expect(condition(), what)
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func isReset(by proxy: FaultProxy) async throws {
    // The reset can be there before the connect has returned.
    guard let client = try? await ByteClient(proxy.port) else { return }
    try await eventually("it is reset") { client.received.ending == .reset }
  }

  @Test func `Bytes pass, and ends do`() async throws {
    let client = try await client()
    #expect(proxy.connectionCount == 1 && proxy.acceptedCount == 1)
    let text = String(repeating: "0123456789", count: 300_000)
    client.post(text)
    try await client.end()
    try await client.waits(for: "hello " + text)
    try await eventually("the server's end arrives") { client.received.ending == .finished }
    #expect(server.received.ending == .finished)
    #expect(proxy.connectionCount == 0 && proxy.acceptedCount == 1)
  }

  @Test func `A slow receiver gets everything, and then the end`() async throws {
    let slow = try await FaultProxy.start(to: "127.0.0.1", port: proxy.port)
    try await slow.setPace(toClient: .init(bytesPerSecond: 20_000_000))
    let client = try await ByteClient(slow.port)
    // More than the system's buffers take.
    let text = String(repeating: "0123456789", count: 1_600_000)
    client.post(text)
    try await client.end()
    try await client.waits(for: text)
    try await eventually("the server's end arrives") { client.received.ending == .finished }
  }

  @Test func `A black hole drops what is sent, and keeps connections open`() async throws {
    let old = try await client()
    try await proxy.set(.blackhole)
    let new = try await ByteClient(proxy.port)
    try await old.send("lost ")
    try await new.send("lost ")
    try await eventually("both get there") { proxy.droppedByteCount == 10 }
    #expect(server.received.text == "hello " && old.received.text == "hello ")
    #expect(old.received.ending == .open && new.received.ending == .open)
    #expect(proxy.connectionCount == 2)
    try await proxy.set(.pass)
    try await old.send("again")
    try await old.waits(for: "hello again")
    try await new.send("new")
    try await new.waits(for: "new")
  }

  @Test func `An end in a black hole arrives when it passes again`() async throws {
    let client = try await client()
    try await proxy.set(.blackhole)
    try await client.end()
    try await eventually("the proxy knows") { proxy.connectionCount == 0 }
    try await staysSo("nothing arrives") { server.received.ending == .open }
    try await proxy.set(.pass)
    try await eventually("both ends arrive") {
      server.received.ending == .finished && client.received.ending == .finished
    }
  }

  @Test func `A stall holds bytes in order until they pass`() async throws {
    let old = try await client()
    try await proxy.set(.stall)
    let new = try await ByteClient(proxy.port)
    for number in 0..<100 { try await old.send("\(number) ") }
    try await new.send("new")
    try await staysSo("nothing arrives") { server.received.text == "hello " }
    try await proxy.set(.pass)
    try await old.waits(for: "hello " + (0..<100).map { "\($0) " }.joined())
    try await new.waits(for: "new")
  }

  @Test func `A stall reads no further, and loses nothing`() async throws {
    let client = try await client("")
    try await proxy.set(.stall)
    // More than the system's buffers take as well.
    let text = String(repeating: "0123456789", count: 1_600_000)
    client.post(text)
    try await eventually("it is under way") { !client.channel.isWritable }
    try await staysSo("the client waits") {
      !client.channel.isWritable && server.received.count == 0
    }
    try await proxy.set(.pass)
    try await client.waits(for: text)
  }

  @Test func `A half-open connection takes bytes and answers nothing`() async throws {
    let client = try await client()
    try await proxy.set(.halfOpen)
    try await client.send("lost ")
    try await eventually("it is answered") { proxy.droppedByteCount == 5 }
    #expect(server.received.text == "hello lost " && client.received.text == "hello ")
    try await proxy.set(.pass)
    try await client.send("again")
    try await client.waits(for: "hello again")
  }

  @Test func `A vanished server is not missed until the way is free`() async throws {
    let old = try await client()
    let idle = try await ByteClient(proxy.port)
    try await eventually("it is accepted") { proxy.acceptedCount == 2 }
    try await proxy.set(.vanished)
    try await eventually("the server's side is gone") { server.received.ending == .reset }
    let new = try await ByteClient(proxy.port)
    try await old.send("lost ")
    try await new.send("lost ")
    try await eventually("their bytes are lost") { proxy.droppedByteCount == 10 }
    #expect(old.received.ending == .open && new.received.ending == .open)
    try await proxy.set(.pass)
    try await eventually("who has sent is reset") {
      old.received.ending == .reset && new.received.ending == .reset
    }
    #expect(idle.received.ending == .open)
    idle.post("anybody?")
    try await eventually("who sends is reset") { idle.received.ending == .reset }
    _ = try await client("")
  }

  @Test func `A cut resets present connections and lets new ones in`() async throws {
    let first = try await client()
    let second = try await ByteClient(proxy.port)
    try await eventually("both are there") { proxy.connectionCount == 2 }
    try await proxy.cut()
    #expect(proxy.connectionCount == 0)
    try await eventually("both are reset") {
      first.received.ending == .reset && second.received.ending == .reset
    }
    try await eventually("the server is reset") { server.received.ending == .reset }
    let third = try await ByteClient(proxy.port)
    try await third.send("new")
    try await third.waits(for: "new")
    #expect(proxy.acceptedCount == 3)
  }

  @Test func `A refusing proxy listens no more, and again on the same port`() async throws {
    let old = try await client()
    try await proxy.set(.refuse)
    // A process that another test starts has the socket for a moment.
    try await eventually("nobody listens") { await !FreePort.accepts(proxy.port) }
    try await old.send("old")
    try await old.waits(for: "hello old")
    #expect(proxy.acceptedCount == 1)
    try await proxy.set(.pass)
    #expect(await FreePort.accepts(proxy.port))
  }

  @Test func `A resetting proxy accepts and resets at once`() async throws {
    let old = try await client()
    try await proxy.set(.reset)
    try await isReset(by: proxy)
    try await eventually("it is counted") { proxy.acceptedCount == 2 && proxy.connectionCount == 1 }
    try await old.send("old")
    try await old.waits(for: "hello old")
  }

  @Test(arguments: [true, false])
  func `A delay holds each byte for so long`(isToServer: Bool) async throws {
    let client = try await client()
    let pace = FaultProxy.Pace(delay: .milliseconds(200))
    try await proxy.setPace(
      toServer: isToServer ? pace : FaultProxy.Pace(),
      toClient: isToServer ? FaultProxy.Pace() : pace)
    let start = ContinuousClock.now
    try await client.send("one ")
    try await client.send("two")
    try await client.waits(for: "hello one two")
    #expect(ContinuousClock.now - start >= .milliseconds(200))
    // What is on its way follows the new pace.
    try await proxy.setPace(toServer: .init(delay: .seconds(600)))
    try await client.send(" late")
    try await proxy.setPace()
    try await client.waits(for: "hello one two late")
  }

  @Test func `Limited throughput takes its time and keeps order`() async throws {
    let client = try await client("")
    try await proxy.setPace(toClient: .init(bytesPerSecond: 100_000))
    let text = (0..<5_000).map { "\($0 + 10_000) " }.joined()
    let start = ContinuousClock.now
    try await client.send(text)
    try await client.waits(for: text)
    // 30,000 bytes, of which a tenth of a second's may go at once.
    #expect(ContinuousClock.now - start >= .milliseconds(190))
  }

  @Test func `A server that cannot be reached resets its clients`() async throws {
    let proxy = try await FaultProxy.start(to: "127.0.0.1", port: FreePort.find())
    try await isReset(by: proxy)
  }

  @Test func `A stopped proxy closes everything, and so does the end of its owner`() async throws {
    let old = try await client()
    try await proxy.stop()
    #expect(proxy.connectionCount == 0)
    // A process that another test starts has the socket for a moment.
    try await eventually("nobody listens") { await !FreePort.accepts(proxy.port) }
    try await eventually("the client is closed") { old.received.ending != .open }
    var other: FaultProxy? = try await FaultProxy.start(to: "127.0.0.1", port: server.port)
    let port = try #require(other?.port)
    let client = try await ByteClient(port)
    other = nil
    try await eventually("the port is closed") { await !FreePort.accepts(port) }
    try await eventually("the client is closed") { client.received.ending != .open }
  }

  @Test func `Faults change under load from many tasks`() async throws {
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 {
        group.addTask { [proxy] in
          for fault in FaultProxy.Fault.allCases.shuffled() {
            try await proxy.set(fault)
            if let client = try? await ByteClient(proxy.port) { client.post("x") }
            try await proxy.cut()
          }
        }
      }
      try await group.waitForAll()
    }
    try await proxy.set(.pass)
    try await proxy.cut()
    let client = try await client("still")
    #expect(proxy.connectionCount == 1 && client.received.ending == .open)
  }
}
