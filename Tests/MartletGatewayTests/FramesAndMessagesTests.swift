import MartletCore
import NIOCore
import NIOHTTP1
import Testing

@testable import MartletBackplane
@testable import MartletGateway

@Suite struct FramedBatchTests {
  private func offsets(_ frames: ByteBuffer) -> [Int?] {
    var frames = frames
    var result: [Int?] = []
    while frames.readableBytes > 0 {
      frames.moveReaderIndex(forwardBy: 1)
      let length = Int(frames.readInteger(as: UInt8.self) ?? 0)
      let text = frames.readString(length: length) ?? ""
      result.append(
        text.split(separator: #""offset":"#).dropFirst().last.flatMap { Int($0.dropLast()) })
    }
    return result
  }

  @Test func `A member that has seen nothing of a batch gets it as it is`() {
    var batch = FramedBatch(Example.deliveries(3...5), CompressorPool())
    #expect(batch.count == 3)
    #expect(batch.isWhole(after: 2, droppingEphemeral: true))
    #expect(offsets(batch.whole(.webSocket)) == [3, 4, 5])
  }

  @Test func `A member that has seen some gets the rest`() {
    var batch = FramedBatch(Example.deliveries(3...5), CompressorPool())
    #expect(!batch.isWhole(after: 3, droppingEphemeral: false))
    let part = batch.part(.webSocket, after: 4, for: "c", droppingEphemeral: false)
    #expect(offsets(part.frames) == [5] && part.count == 1)
    #expect(batch.part(.webSocket, after: 9, for: "c", droppingEphemeral: false).count == 0)
  }

  @Test func `The excluded connection gets the others' events only`() {
    var batch = FramedBatch(
      Example.deliveries(1...1) + Example.deliveries(2...2, excluded: "c")
        + Example.deliveries(3...3), CompressorPool())
    #expect(!batch.isWhole(after: 0, droppingEphemeral: false))
    #expect(
      offsets(batch.part(.webSocket, after: 0, for: "c", droppingEphemeral: false).frames) == [
        1, 3,
      ])
    #expect(
      offsets(batch.part(.webSocket, after: 0, for: "d", droppingEphemeral: false).frames) == [
        1, 2, 3,
      ])
  }

  @Test func `A congested member does without ephemeral events`() {
    var batch = FramedBatch(
      Example.deliveries(1...1) + [Example.ephemeral, Example.ephemeral], CompressorPool())
    #expect(batch.isWhole(after: 0, droppingEphemeral: false))
    #expect(!batch.isWhole(after: 0, droppingEphemeral: true))
    let part = batch.part(.webSocket, after: 0, for: "c", droppingEphemeral: true)
    #expect(offsets(part.frames) == [1] && part.dropped == 2)
  }
}

@Suite struct HandshakeTests {
  private let token = "aa.bb.cc"

  private func head(_ uri: String, _ headers: [(String, String)] = []) -> HTTPRequestHead {
    HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: HTTPHeaders(headers))
  }

  private func handshake(
    _ uri: String, _ headers: [(String, String)] = []
  ) throws -> Handshake {
    try Handshake(head(uri, headers))
  }

  @Test func `The token comes by query, header or subprotocol`() throws {
    #expect(try handshake("/x?token=\(token)").token == token)
    #expect(try handshake("/x", [("Authorization", "bearer \(token)")]).token == token)
    let both = head("/x", [("Sec-WebSocket-Protocol", "bearer, \(token)")])
    #expect(try Handshake(both).token == token && Handshake.subprotocol(both) == "bearer")
    let alone = head("/x", [("Sec-WebSocket-Protocol", token)])
    #expect(try Handshake(alone).token == token && Handshake.subprotocol(alone) == token)
    let none = head("/x?token=", [("Authorization", "Basic abc")])
    #expect(try Handshake(none).token == nil && Handshake.subprotocol(none) == nil)
  }

  @Test func `A browser that comes back to a stream of events says where it was`() throws {
    let position = Position(epoch: Example.epoch, offset: 5)
    #expect(try handshake("/x", [("Last-Event-ID", "e1:5")]).since == position)
    #expect(try handshake("/x?epoch=e1&offset=2", [("Last-Event-ID", "e1:5")]).since == position)
    #expect(try handshake("/x", [("Last-Event-ID", "")]).since == nil)
    for bad in ["e1", "e1:x", ":5", "e1:5:6", "e 1:5"] {
      #expect(throws: Refusal.self) { try handshake("/x", [("Last-Event-ID", bad)]) }
    }
  }

  @Test func `A position is read`() throws {
    #expect(
      try handshake("/x?epoch=e1&offset=5").since == Position(epoch: Example.epoch, offset: 5))
    #expect(try handshake("/x").since == nil)
  }

  @Test(arguments: [
    "epoch=e1", "offset=5", "epoch=&offset=5", "epoch=e1&offset=-1", "epoch=e1&offset=x",
    "epoch=a%20b&offset=1", "epoch=e1&offset=9007199254740992",
  ])
  func `A bad position is refused`(query: String) {
    let refusal = #expect(throws: Refusal.self) { try handshake("/x?\(query)") }
    #expect(refusal?.code == .badParameter)
  }

  @Test func `What the connection says of itself is taken as it is, unless it is nothing`() throws {
    #expect(try handshake("/x?presence=%7B%22a+b%22%3A1%7D").presence == #"{"a b":1}"#)
    #expect(try handshake("/x?presence=nonsense").presence == "nonsense")
    #expect(try handshake("/x?presence=").presence == nil)
    #expect(try handshake("/x").presence == nil)
  }

  @Test func `An anonymous name is taken if it is not too long`() throws {
    #expect(try handshake("/x?name=Ann+B%C3%A9a").name == "Ann Béa")
    #expect(try handshake("/x?name=\(String(repeating: "x", count: 101))").name == nil)
  }
}
