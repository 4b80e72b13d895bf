package import MartletWebSocket

/// One frame as bytes, right or wrong, written without the code under test.
package struct RawFrame: Sendable {
  /// How the length is written.
  package enum LengthForm: Sendable {
    case shortest
    case bits16
    case bits64
  }

  package static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

  package var opcode: UInt8
  package var payload: [UInt8]
  package var isFinal: Bool
  /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
  package var reserved: UInt8
  package var form: LengthForm
  /// Another length than the payload's.
  package var claimedLength: UInt64?

  package init(
    opcode: UInt8, payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0,
    form: LengthForm = .shortest, claimedLength: UInt64? = nil
  ) {
    self.opcode = opcode
    self.payload = payload
    self.isFinal = isFinal
    self.reserved = reserved
    self.form = form
    self.claimedLength = claimedLength
  }

  package static func text(_ text: String, isFinal: Bool = true, reserved: UInt8 = 0) -> RawFrame {
    RawFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal, reserved: reserved)
  }

  package static func binary(_ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 2, payload: payload, isFinal: isFinal)
  }

  package static func more(_ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 0, payload: payload, isFinal: isFinal)
  }

  package static func more(_ text: String, isFinal: Bool = true) -> RawFrame {
    more(Array(text.utf8), isFinal: isFinal)
  }

  package static func close(_ payload: [UInt8] = []) -> RawFrame {
    RawFrame(opcode: 8, payload: payload)
  }

  package static func close(_ code: UInt16, _ reason: [UInt8] = []) -> RawFrame {
    close([UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
  }

  package static func ping(_ text: String = "") -> RawFrame {
    RawFrame(opcode: 9, payload: Array(text.utf8))
  }

  package static func pong(_ text: String = "") -> RawFrame {
    RawFrame(opcode: 10, payload: Array(text.utf8))
  }

  /// The bytes as they come from a client, which masks, or from a server.
  package func wire(from sender: WebSocketRole) -> [UInt8] {
    let isMasked = sender == .client
    let length = claimedLength ?? UInt64(payload.count)
    var wire = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
    let mask: UInt8 = isMasked ? 0x80 : 0
    switch form {
    case .shortest where length < 126:
      wire.append(mask | UInt8(length))
    case .shortest where length < 65536, .bits16:
      wire += [mask | 126, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
    case .shortest, .bits64:
      wire.append(mask | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        wire.append(UInt8(length >> UInt64(shift) & 0xFF))
      }
    }
    guard isMasked else { return wire + payload }
    return wire + Self.key + masked
  }

  /// Eight bytes at a time, since some tests mask mebibytes without optimisation.
  private var masked: [UInt8] {
    let key = Self.key + Self.key
    var masked = payload
    unsafe masked.withUnsafeMutableBytes { bytes in
      let word = unsafe key.withUnsafeBytes { unsafe $0.loadUnaligned(as: UInt64.self) }
      let tail = bytes.count & ~7
      for offset in stride(from: 0, to: tail, by: 8) {
        let plain = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        unsafe bytes.storeBytes(of: plain ^ word, toByteOffset: offset, as: UInt64.self)
      }
      for offset in tail..<bytes.count { unsafe bytes[offset] ^= key[offset & 7] }
    }
    return masked
  }
}

extension WebSocketRole {
  package static let both: [WebSocketRole] = [.server, .client]

  package var peer: WebSocketRole { self == .server ? .client : .server }
}

extension [RawFrame] {
  package func wire(from sender: WebSocketRole) -> [UInt8] {
    flatMap { $0.wire(from: sender) }
  }
}
