import MartletTestSupport
import NIOCore

extension Attack {
  private static let compression = [("Sec-WebSocket-Extensions", "permessage-deflate")]

  /// DEFLATE (RFC 1951 §3.2.6) of one literal, and of `count` times 258 copies of it: a thousand times as large as its bytes.
  private static func bomb(_ count: Int) -> [UInt8] {
    var bits = BitWriter()
    // A block that is not the last, with fixed Huffman codes.
    bits.write(0, 1)
    bits.write(1, 2)
    // The literal 0x20.
    bits.writeCode(0x30 + 0x20, 8)
    for _ in 0..<count {
      // Length 258, distance 1.
      bits.writeCode(0b1100_0101, 8)
      bits.writeCode(0, 5)
    }
    // The end of the block, and an empty stored block of which the last four bytes are left out (RFC 7692 §7.2.1).
    bits.writeCode(0, 7)
    bits.write(0, 3)
    return bits.finished
  }

  private struct BitWriter {
    private var bytes: [UInt8] = []
    private var current: UInt8 = 0
    private var used = 0

    var finished: [UInt8] { used == 0 ? bytes : bytes + [current] }

    /// The lowest bit first.
    mutating func write(_ value: Int, _ count: Int) {
      for index in 0..<count { put(value >> index & 1) }
    }

    /// The highest bit first, as Huffman codes are.
    mutating func writeCode(_ value: Int, _ count: Int) {
      for index in (0..<count).reversed() { put(value >> index & 1) }
    }

    private mutating func put(_ bit: Int) {
      current |= UInt8(bit) << UInt8(used)
      used += 1
      if used == 8 {
        bytes.append(current)
        current = 0
        used = 0
      }
    }
  }

  private static func claim(_ length: UInt64, fin: UInt8 = 0x80) -> ByteBuffer {
    var buffer = ByteBuffer(bytes: [fin | 1, 0xff])
    buffer.writeInteger(length)
    buffer.writeInteger(UInt32(0))
    buffer.writeBytes(Array(repeating: UInt8(32), count: 1_000))
    return buffer
  }

  static let hugeMessages = [
    Attack("A frame that claims 2^63 - 1 bytes", .closed(1009)) { attacker in
      try await attacker.closeCode { try await $0.send(raw: claim(UInt64(Int64.max))) }
    },
    Attack("Who claims 2^62 bytes on 40 connections", .closed(1009)) { attacker in
      var codes: [Answer] = []
      for _ in 0..<40 {
        codes.append(
          try await attacker.closeCode {
            try await $0.send(raw: claim(1 << 62, fin: 0))
          })
      }
      return codes.first { $0 != .closed(1009) } ?? .closed(1009)
    },
    Attack("A frame above the limit of frames", .closed(1009)) { attacker in
      try await attacker.closeCode {
        try await $0.send(raw: Attacker.frame(1, Array(repeating: 32, count: 128 * 1_024 + 1)))
      }
    },
    Attack("A message above the limit of messages", .refused("too_large")) { attacker in
      try await attacker.refusal {
        try await $0.send(raw: Attacker.frame(1, Array(repeating: 32, count: 64 * 1_024 + 1)))
      }
    },
    Attack("16 MiB of spaces in fragments", .refused("too_large")) { attacker in
      try await attacker.refusal { client in
        let part = [UInt8](repeating: 32, count: 64 * 1_024)
        for index in 0..<256 {
          try await client.send(
            raw: Attacker.frame(index == 0 ? 1 : 0, part, isFinal: index == 255))
        }
      }
    },
    Attack("16 MiB of spaces in one frame", .closed(1009)) { attacker in
      try await attacker.closeCode {
        try? await $0.send(raw: Attacker.frame(1, Array(repeating: 32, count: 16 << 20)))
      }
    },
    Attack("A compression bomb of 256 MiB on 8 connections", .refused("too_large")) { attacker in
      var answers: [Answer] = []
      // Within a frame, a thousand times as large.
      let bytes = bomb(60_000)
      for _ in 0..<8 {
        answers.append(
          try await attacker.refusal(headers: compression) { client in
            for index in 0..<18 {
              try await client.send(
                opcode: index == 0 ? 1 : 0, bytes, isFinal: index == 17,
                reservedBits: index == 0 ? 4 : 0)
            }
          })
      }
      return answers.first { $0 != .refused("too_large") } ?? .refused("too_large")
    },
    Attack("A message that never ends on 40 connections", .served) { attacker in
      for _ in 0..<40 {
        let client = try await attacker.join()
        try await client.send(opcode: 1, Array(repeating: 32, count: 60_000), isFinal: false)
        try await client.send(opcode: 9, [])
        try await Attacker.expectPong(client)
      }
      return .served
    },
    Attack("A flood of 200,000 empty fragments", .refused("malformed")) { attacker in
      try await attacker.refusal { client in
        try await client.send(opcode: 1, [], isFinal: false)
        try await client.send(
          raw: Attacker.repeated(Attacker.frame(0, [], isFinal: false), 200_000))
        try await client.send(opcode: 0, [])
      }
    },
    Attack("A flood of 1,000 empty messages", .refused("malformed")) { attacker in
      try await attacker.refusal { client in
        try await client.send(raw: Attacker.repeated(Attacker.frame(1, []), 1_000))
        for _ in 0..<999 { _ = try await client.message(ofType: "error") }
      }
    },
  ]
}
