internal import MartletWebSocket
internal import NIOCore

// MARK: 9 Limits, 10 Automatic fragmentation

extension AutobahnCase {
  private static let kibi = 1024
  private static let mebi = 1024 * 1024

  /// 9 as it is.
  package static let limits = limits(divisor: 1)

  /// 9 with messages that are smaller, or fewer, by `divisor`.
  package static func limits(divisor: Int) -> [AutobahnCase] {
    let mebi = mebi / divisor
    let sizes = [64, 256, 1024, 4096, 8192, 16384].map { $0 * kibi / divisor }
    let fragments = [
      64, 256, kibi, 4 * kibi, 16 * kibi, 64 * kibi, 256 * kibi, 1024 * kibi, 4096 * kibi,
    ]
    let parts = [64, 128, 256, 512, 1024, 2048]
    let messages = [0, 16, 64, 256, 1024, 4096]
    return [1, 2].flatMap { kind -> [AutobahnCase] in
      func payload(_ count: Int) -> [UInt8] {
        [UInt8](repeating: kind == 1 ? 0x2A : 0xFE, count: count)
      }
      func event(_ count: Int) -> WebSocketEvent {
        kind == 1 ? .text(ByteBuffer(bytes: payload(count))) : .binary(payload(count))
      }
      let opcode = UInt8(kind)
      return sizes.enumerated().map { index, size in
        AutobahnCase(
          "9.\(kind).\(index + 1)", [RawFrame(opcode: opcode, payload: payload(size))],
          [event(size)], part: 64 * kibi)
      }
        + fragments.enumerated().map { index, size in
          AutobahnCase(
            "9.\(kind + 2).\(index + 1)", split(payload(4 * mebi), opcode, into: size),
            [event(4 * mebi)], part: 64 * kibi)
        }
        + parts.enumerated().map { index, part in
          AutobahnCase(
            "9.\(kind + 4).\(index + 1)", [RawFrame(opcode: opcode, payload: payload(mebi))],
            [event(mebi)], part: part)
        }
        + messages.enumerated().map { index, size in
          AutobahnCase(
            "9.\(kind + 6).\(index + 1)",
            .init(
              repeating: RawFrame(opcode: opcode, payload: payload(size)), count: 1000 / divisor),
            .init(repeating: event(size), count: 1000 / divisor), part: 64 * kibi)
        }
    }
  }

  /// 9.1.6 and 9.2.6: messages of 16 MiB.
  package static var largest: [AutobahnCase] {
    let size = 16 * mebi
    return [
      AutobahnCase(
        "9.1.6", [RawFrame(opcode: 1, payload: .init(repeating: 0x2A, count: size))],
        [.text(ByteBuffer(repeating: 0x2A, count: size))], part: 64 * kibi),
      AutobahnCase(
        "9.2.6", [RawFrame(opcode: 2, payload: .init(repeating: 0xFE, count: size))],
        [.binary(ByteBuffer(repeating: 0xFE, count: size))], part: 64 * kibi),
    ]
  }

  package static let automaticFragmentation = AutobahnCase(
    "10.1.1", split([UInt8](repeating: 0x2A, count: 65536), 1, into: 1300),
    [.text(ByteBuffer(repeating: 0x2A, count: 65536))])

  /// Frames of `size` bytes, of which only the first has an opcode and, with `isCompressed`, RSV1.
  package static func split(
    _ payload: [UInt8], _ opcode: UInt8, into size: Int, isCompressed: Bool = false
  ) -> [RawFrame] {
    stride(from: 0, to: max(payload.count, 1), by: size).map { start in
      RawFrame(
        opcode: start == 0 ? opcode : 0,
        payload: Array(payload[start..<min(start + size, payload.count)]),
        isFinal: start + size >= payload.count, reserved: start == 0 && isCompressed ? 4 : 0)
    }
  }
}
