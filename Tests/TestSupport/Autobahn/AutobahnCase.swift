package import MartletWebSocket
internal import NIOCore

/// One case of Autobahn's fuzzer (crossbario/autobahn-testsuite), at the level of a reader: what is sent, and
/// what has to be received. What a server of echoes answers follows from that.
///
/// Left out is 9.9.1, which sends one endless message. What 7.13 expects is undefined by the RFC; here it is
/// what other forbidden close codes get.
package struct AutobahnCase: CustomStringConvertible, Sendable {
  package var id: String
  package var frames: [RawFrame]
  package var events: [WebSocketEvent]
  /// That the connection is failed with.
  package var closeCode: UInt16?
  /// The size of the parts in which the bytes come.
  package var part: Int

  package var description: String { id }

  package init(
    _ id: String, _ frames: [RawFrame], _ events: [WebSocketEvent], failed closeCode: UInt16? = nil,
    part: Int = .max
  ) {
    self.id = id
    self.frames = frames
    self.events = events
    self.closeCode = closeCode
    self.part = part
  }
}

// MARK: 1 Framing, 2 Pings and pongs, 3 Reserved bits, 4 Opcodes

extension AutobahnCase {
  private static let hello = "Hello, world!"

  package static let framing: [AutobahnCase] = ([1, 2] as [UInt8]).flatMap { opcode in
    [0, 125, 126, 127, 128, 65535, 65536, 65536].enumerated().map { index, length in
      let payload = [UInt8](repeating: opcode == 1 ? 0x2A : 0xFE, count: length)
      return AutobahnCase(
        "1.\(opcode).\(index + 1)", [RawFrame(opcode: opcode, payload: payload)],
        [opcode == 1 ? .text(ByteBuffer(bytes: payload)) : .binary(payload)],
        part: index == 7 ? 997 : .max)
    }
  }

  package static let pings: [AutobahnCase] = {
    let binary: [UInt8] = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF]
    let most = [UInt8](repeating: 0xFE, count: 125)
    let ten = (0..<10).map { "payload-\($0)" }
    func ping(_ payload: [UInt8]) -> RawFrame { RawFrame(opcode: 9, payload: payload) }
    func pinged(_ payload: [UInt8]) -> WebSocketEvent { .ping(ByteBuffer(bytes: payload)) }
    let close = WebSocketEvent.close(code: 1000, reason: "")
    return [
      AutobahnCase("2.1", [.ping()], [.ping("")]),
      AutobahnCase("2.2", [.ping(hello)], [.ping(hello)]),
      AutobahnCase("2.3", [ping(binary)], [pinged(binary)]),
      AutobahnCase("2.4", [ping(most)], [pinged(most)]),
      AutobahnCase("2.5", [ping(most + [0xFE])], [], failed: 1002),
      AutobahnCase("2.6", [ping(most)], [pinged(most)], part: 1),
      AutobahnCase("2.7", [.pong(), .close(1000)], [.pong(""), close]),
      AutobahnCase("2.8", [.pong("unsolicited"), .close(1000)], [.pong("unsolicited"), close]),
      AutobahnCase("2.9", [.pong("unsolicited"), .ping("p")], [.pong("unsolicited"), .ping("p")]),
      AutobahnCase("2.10", ten.map { .ping($0) }, ten.map { .ping($0) }),
      AutobahnCase("2.11", ten.map { .ping($0) }, ten.map { .ping($0) }, part: 1),
    ]
  }()

  package static let reservedBits: [AutobahnCase] = {
    let good = RawFrame.text(hello)
    let binary = [UInt8](arrayLiteral: 0x00, 0xFF, 0xFE, 0xFD)
    func bad(_ opcode: UInt8, _ payload: [UInt8], _ reserved: UInt8) -> RawFrame {
      RawFrame(opcode: opcode, payload: payload, reserved: reserved)
    }
    return [
      AutobahnCase("3.1", [.text(hello, reserved: 1)], [], failed: 1002),
      AutobahnCase(
        "3.2", [good, .text(hello, reserved: 2), .ping()], [.text(hello)], failed: 1002),
      AutobahnCase(
        "3.3", [good, .text(hello, reserved: 3), .ping()], [.text(hello)], failed: 1002),
      AutobahnCase(
        "3.4", [good, .text(hello, reserved: 4), .ping()], [.text(hello)], failed: 1002, part: 1),
      AutobahnCase("3.5", [bad(2, binary, 5)], [], failed: 1002),
      AutobahnCase("3.6", [bad(9, binary, 6)], [], failed: 1002),
      AutobahnCase("3.7", [bad(8, [], 7)], [], failed: 1002),
    ]
  }()

  package static let opcodes: [AutobahnCase] = [(1, 3 as UInt8), (2, 11)].flatMap { group, first in
    (0..<5).map { index in
      let isEmpty = index == 0 || index == 2
      let frame = RawFrame(
        opcode: first + UInt8(index), payload: isEmpty ? [] : Array(hello.utf8))
      let isFirst = index < 2
      return AutobahnCase(
        "4.\(group).\(index + 1)", isFirst ? [frame] : [.text(hello), frame, .ping()],
        isFirst ? [] : [.text(hello)], failed: 1002, part: index == 4 ? 1 : .max)
    }
  }
}

// MARK: 5 Fragmentation

extension AutobahnCase {
  package static let fragmentation: [AutobahnCase] = {
    func fragmented(_ frame: RawFrame) -> RawFrame {
      var frame = frame
      frame.isFinal = false
      return frame
    }
    let first = RawFrame.text("fragment1", isFinal: false)
    let last = RawFrame.more("fragment2")
    let whole = WebSocketEvent.text("fragment1fragment2")
    let orphan = RawFrame.more("orphan")
    let openOrphan = RawFrame.more("orphan", isFinal: false)
    let twice = [first, last]
    var cases = [
      AutobahnCase("5.1", [fragmented(.ping("fragment1")), last], [], failed: 1002),
      AutobahnCase("5.2", [fragmented(.pong("fragment1")), last], [], failed: 1002),
    ]
    // Cuts: none, frame by frame (here the first frame's size, for either role), byte by byte.
    for (index, part) in [Int.max, 11, 1].enumerated() {
      cases += [
        AutobahnCase("5.\(3 + index)", twice, [whole], part: part),
        AutobahnCase(
          "5.\(6 + index)", [first, .ping("ping"), last], [.ping("ping"), whole], part: part),
        AutobahnCase("5.\(9 + index)", [orphan, .text("x")], [], failed: 1002, part: part),
        AutobahnCase("5.\(12 + index)", [openOrphan, .text("x")], [], failed: 1002, part: part),
      ]
    }
    let long: [RawFrame] = [
      first, .more("fragment2", isFinal: false), .ping("1"), .more("fragment3", isFinal: false),
      .more("fragment4", isFinal: false), .ping("2"), .more("fragment5"),
    ]
    let longEvents: [WebSocketEvent] = [
      .ping("1"), .ping("2"), .text("fragment1fragment2fragment3fragment4fragment5"),
    ]
    return cases + [
      AutobahnCase("5.15", twice + [openOrphan, .text("x")], [whole], failed: 1002),
      AutobahnCase(
        "5.16", [openOrphan] + twice + [openOrphan] + twice, [], failed: 1002),
      AutobahnCase("5.17", [orphan] + twice + [orphan] + twice, [], failed: 1002),
      AutobahnCase("5.18", [first, .text("fragment2")], [], failed: 1002),
      AutobahnCase("5.19", long, longEvents),
      AutobahnCase("5.20", long, longEvents, part: 11),
    ]
  }()
}

// MARK: 7 Close handling

extension AutobahnCase {
  package static let closing: [AutobahnCase] = {
    let hello = "Hello World!"
    let normal = RawFrame.close(1000)
    let closed = WebSocketEvent.close(code: 1000, reason: "")
    let large = String(repeating: "BAsd7&jh23", count: 26215)
    let reason = String(repeating: "*", count: 123)
    let badReason: [UInt8] = Array("κόσμε".utf8) + [0xED, 0xA0, 0x80] + Array("edited".utf8)
    let good: [UInt16] = [
      1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ]
    let bad: [UInt16] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999]
    return [
      AutobahnCase("7.1.1", [.text(hello), normal], [.text(hello), closed]),
      AutobahnCase("7.1.2", [normal, .close()], [closed]),
      AutobahnCase("7.1.3", [normal, .ping()], [closed]),
      AutobahnCase("7.1.4", [normal, .text(hello)], [closed]),
      AutobahnCase("7.1.5", [.text("1", isFinal: false), normal, .more("2")], [closed]),
      AutobahnCase(
        "7.1.6", [.text(large), .text(hello), normal, .ping()],
        [.text(large), .text(hello), closed]),
      AutobahnCase("7.3.1", [.close()], [.close(code: nil, reason: "")]),
      AutobahnCase("7.3.2", [.close([0x61])], [], failed: 1002),
      AutobahnCase("7.3.3", [normal], [closed]),
      AutobahnCase(
        "7.3.4", [.close(1000, Array(hello.utf8))], [.close(code: 1000, reason: hello)]),
      AutobahnCase(
        "7.3.5", [.close(1000, Array(reason.utf8))], [.close(code: 1000, reason: reason)]),
      AutobahnCase("7.3.6", [.close(1000, Array((reason + "*").utf8))], [], failed: 1002),
      AutobahnCase("7.5.1", [.close(1000, badReason)], [], failed: 1007),
      AutobahnCase("7.13.1", [.close(5000)], [], failed: 1002),
      AutobahnCase("7.13.2", [.close(65535)], [], failed: 1002),
    ]
      + good.enumerated().map { index, code in
        AutobahnCase("7.7.\(index + 1)", [.close(code)], [.close(code: code, reason: "")])
      }
      + bad.enumerated().map { index, code in
        AutobahnCase("7.9.\(index + 1)", [.close(code)], [], failed: 1002)
      }
  }()
}
