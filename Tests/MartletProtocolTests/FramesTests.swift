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
      recovered: false,
      members: ServerFrame.Members(count: 2, list: [#"{"id":"u"}"#, #"{"id":"v"}"#]))
    #expect(
      text
        == #"{"type":"connection_established","connection_id":"c","user":{"id":"u","name":"Ann"},"#
        + #""group":"room_7","position":{"epoch":"e1","offset":4},"recovered":false,"#
        + #""member_count":2,"members":[{"id":"u"},{"id":"v"}]}"#)
  }

  @Test
  func `Of a large group the first frame has the count alone, on a route without presence nothing`()
    throws
  {
    func frame(_ members: ServerFrame.Members?) throws -> String {
      ServerFrame.connectionEstablished(
        connectionID: "c", user: User(id: "u", name: nil), group: group,
        position: Position(epoch: try #require(Epoch("e1")), offset: 4), recovered: nil,
        members: members)
    }
    let counted = try frame(ServerFrame.Members(count: 900, list: nil))
    #expect(counted.hasSuffix(#","position":{"epoch":"e1","offset":4},"member_count":900}"#))
    #expect(try frame(nil).hasSuffix(#","position":{"epoch":"e1","offset":4}}"#))
  }

  @Test func `A list of members says where the next page begins`() {
    #expect(
      ServerFrame.presence(
        RequestReference(json: "7"), group: group, count: 3,
        members: [#"{"id":"u"}"#, #"{"id":"v"}"#], next: #"17.a"b"#)
        == #"{"type":"presence","ref":7,"group":"room_7","count":3,"#
        + #""members":[{"id":"u"},{"id":"v"}],"next":"17.a\"b"}"#)
    #expect(
      ServerFrame.presence(nil, group: group, count: 0, members: [], next: nil)
        == #"{"type":"presence","group":"room_7","count":0,"members":[],"next":null}"#)
  }

  @Test func `No frame tells the tenant of its group`() throws {
    let group = try #require(GroupName(tenant: TenantName("acme"), name: "room_7"))
    let position = Position(epoch: try #require(Epoch("e1")), offset: 4)
    let reference = RequestReference(json: "1")
    let event = ByteBuffer(string: #"{"type":"x"}"#)
    var json = ByteBuffer()
    PublicationFrame.writeJSON(event: event, group: group, offset: 5, into: &json)
    var frame = ByteBuffer()
    PublicationFrame.writeWebSocket(
      event: event, group: group, offset: 5, newEpoch: position.epoch, into: &frame)
    let header = frame.readInteger(as: UInt16.self)
    #expect(header == 0x8100 | UInt16(frame.readableBytes))
    let texts = [
      String(buffer: json), String(buffer: frame),
      ServerFrame.connectionEstablished(
        connectionID: "c", user: User(id: "u", name: nil), group: group, position: position,
        recovered: nil, members: nil),
      ServerFrame.resync(group: group, position: position, reason: .gap),
      ServerFrame.ack(reference, group: group, position: position),
      ServerFrame.presence(reference, group: group, count: 0, members: [], next: nil),
    ]
    for text in texts {
      #expect(text.contains(#""group":"room_7""#) && !text.contains("acme"), "\(text)")
    }
  }

  @Test func `What groups are told of their members are events`() {
    let user = User(id: "u", name: "Ann")
    let name = #","user":{"id":"u","name":"Ann"},"#
    #expect(
      PresenceEvent.userJoined(user, joinedAt: 5, metas: [#"{"a":1}"#, #"{"a":2}"#], count: 3)
        == #"{"type":"user_joined""# + name
        + #""joined_at":5,"metas":[{"a":1},{"a":2}],"count":3}"#)
    #expect(
      PresenceEvent.userLeft(user, count: 2) == #"{"type":"user_left""# + name + #""count":2}"#)
    #expect(
      PresenceEvent.updated(user, metas: [])
        == #"{"type":"presence_updated""# + name + #""metas":[]}"#)
    #expect(
      PresenceEvent.updated(user, status: .doNotDisturb)
        == #"{"type":"presence_updated""# + name + #""status":"do_not_disturb"}"#)
    #expect(
      PresenceEvent.state(count: 900, isListed: false)
        == #"{"type":"presence_state","count":900,"listed":false}"#)
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
      ServerFrame.draining(reconnectAfter: 5),
      ServerFrame.presence(reference, group: group, count: 1, members: ["{}"], next: "1.\""),
      PresenceEvent.userJoined(user, joinedAt: 1, metas: ["{}"], count: 1),
      PresenceEvent.userLeft(user, count: 0), PresenceEvent.updated(user, metas: ["{}"]),
      PresenceEvent.updated(user, status: .away), PresenceEvent.state(count: 1, isListed: true),
    ]
    for frame in frames {
      _ = try JSONScanner.object(in: Array(frame.utf8).span)
    }
  }
}
