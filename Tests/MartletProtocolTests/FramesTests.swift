import MartletCore
import NIOCore
import Testing

@testable import MartletProtocol

@Suite struct FramesTests {
  private let group = GroupName(trusted: "room_7")

  @Test func `Group and offset are spliced in at the end of the event`() {
    var buffer = ByteBuffer()
    let event = ByteBuffer(string: #"{"type":"x","a":1}"#)
    PublicationFrame.writeJSON(event: event, group: group, offset: 13, into: &buffer)
    #expect(String(buffer: buffer) == #"{"type":"x","a":1,"group":"room_7","offset":13}"#)
    buffer.clear()
    PublicationFrame.writeJSON(event: event, group: group, offset: nil, into: &buffer)
    #expect(String(buffer: buffer) == #"{"type":"x","a":1,"group":"room_7"}"#)
  }

  @Test(arguments: [1, 60, 70, 80, 90, 120, 126, 200, 65_400, 65_500, 65_536, 70_000])
  func `A frame's length says how long its payload is`(size: Int) {
    let event = ByteBuffer(string: #"{"type":"\#(String(repeating: "x", count: size))"}"#)
    for offset in [nil, 9, 10, 18_446_744_073_709_551_615] as [UInt64?] {
      var frame = ByteBuffer()
      PublicationFrame.writeWebSocket(event: event, group: group, offset: offset, into: &frame)
      #expect(frame.readInteger(as: UInt8.self) == 0x81)
      let short = frame.readInteger(as: UInt8.self) ?? 0
      let length =
        switch short {
        case 126: frame.readInteger(as: UInt16.self).map(Int.init) ?? 0
        case 127: frame.readInteger(as: UInt64.self).map(Int.init) ?? 0
        default: Int(short)
        }
      // The shortest form is used (RFC 6455 §5.2).
      #expect((short < 126) == (length < 126) && (short == 127) == (length >= 65_536))
      #expect(frame.readableBytes == length)
      let text = String(buffer: frame)
      if let offset { #expect(text.hasSuffix(#","group":"room_7","offset":\#(offset)}"#)) }
    }
  }

  @Test func `The first frame says everything that a member needs`() throws {
    let position = Position(epoch: try #require(Epoch("e1")), offset: 4)
    let text = ServerFrame.connectionEstablished(
      connectionID: "c", user: User(id: "u", name: "Ann"), group: group, position: position,
      recovered: false, members: [User(id: "u", name: "Ann"), User(id: "v", name: nil)])
    #expect(
      text
        == #"{"type":"connection_established","connection_id":"c","user":{"id":"u","name":"Ann"},"#
        + #""group":"room_7","position":{"epoch":"e1","offset":4},"recovered":false,"#
        + #""members":[{"id":"u","name":"Ann"},{"id":"v"}]}"#)
  }

  @Test func `Every server frame is well-formed JSON`() throws {
    let position = Position(epoch: try #require(Epoch("e1")), offset: 4)
    let reference = RequestReference(json: #""r""#)
    let user = User(id: "u\"\n", name: "N\\")
    let frames = [
      ServerFrame.connectionEstablished(
        connectionID: "c", user: user, group: group, position: position, recovered: nil,
        members: nil),
      ServerFrame.resync(group: group, position: position, reason: .gap),
      ServerFrame.pong(nil), ServerFrame.pong(reference),
      ServerFrame.ack(reference, group: group, position: position),
      ServerFrame.ack(reference, group: group, position: nil),
      ServerFrame.error(Refusal(.malformed, "a \"quote\""), reference),
      ServerFrame.draining(reconnectAfter: 5), ServerFrame.userJoined(user),
      ServerFrame.userLeft(user),
    ]
    for frame in frames {
      _ = try JSONScanner.object(in: Array(frame.utf8).span)
    }
  }
}
