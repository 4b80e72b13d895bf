import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// Autobahn's list of cases 1 to 7, 9 and 10, for both roles.
@Suite struct AutobahnTests {
  /// Up to this size the bytes come one by one, too.
  private static let maximumBytewise = 4096

  private static let cases =
    AutobahnCase.framing + AutobahnCase.pings + AutobahnCase.reservedBits + AutobahnCase.opcodes
    + AutobahnCase.fragmentation + AutobahnCase.text + AutobahnCase.closing
    + [AutobahnCase.automaticFragmentation]

  @Test("Autobahn 1 to 7 and 10", arguments: WebSocketRole.both, cases)
  func small(role: WebSocketRole, autobahn: AutobahnCase) {
    check(autobahn, role, part: autobahn.part)
    let wire = autobahn.frames.wire(from: role.peer)
    if wire.count <= Self.maximumBytewise { check(autobahn, role, part: 1) }
  }

  @Test("Autobahn 9", arguments: WebSocketRole.both, AutobahnCase.limits)
  func limits(role: WebSocketRole, autobahn: AutobahnCase) {
    check(autobahn, role, part: autobahn.part)
  }

  @Test(
    "Autobahn 6.4: invalid text fails at once", arguments: WebSocketRole.both, AutobahnCase.failFast
  )
  func failFast(
    role: WebSocketRole, autobahn: (id: String, parts: [[UInt8]], isFragmented: Bool)
  ) {
    var wires: [[UInt8]] = []
    if autobahn.isFragmented {
      wires = autobahn.parts.enumerated().map { index, part in
        RawFrame(opcode: index == 0 ? 1 : 0, payload: part, isFinal: index == 2)
          .wire(from: role.peer)
      }
    } else {
      var wire = RawFrame(opcode: 1, payload: autobahn.parts.flatMap { $0 })
        .wire(from: role.peer)[...]
      let header = wire.count - autobahn.parts.reduce(0) { $0 + $1.count }
      for (index, part) in autobahn.parts.enumerated() {
        wires.append(Array(wire.prefix(part.count + (index == 0 ? header : 0))))
        wire = wire.dropFirst(wires[index].count)
      }
    }
    var reader = WebSocketReader(role: role, limits: .generous)
    var reception = Reception()
    reader.append(ByteBuffer(bytes: wires[0]))
    reception.take(from: &reader)
    #expect(reception == Reception())
    reader.append(ByteBuffer(bytes: wires[1]))
    reception.take(from: &reader)
    #expect(reception == Reception(violation: .textNotUTF8))
  }

  private func check(_ autobahn: AutobahnCase, _ role: WebSocketRole, part: Int) {
    let reception = Reception(autobahn.frames, role, part: part)
    // Without #expect's texts of megabytes.
    let isAsExpected = reception.events == autobahn.events
    #expect(isAsExpected, "events of \(autobahn.id)")
    #expect(reception.violation?.closeCode == autobahn.closeCode)
  }
}
