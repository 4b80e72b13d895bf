/// What a peer did against the protocol. The connection has to be failed (RFC 6455 §7.1.7).
package enum WebSocketViolation: Error, Hashable, Sendable {
  case unmaskedFrame
  case maskedFrame
  case reservedBits
  case compressedFragment
  case unknownOpcode(UInt8)
  case fragmentedControlFrame
  case longControlFrame
  case longLengthForm
  case negativeLength
  case frameTooLarge(limit: Int)
  case continuationOfNothing
  case interruptedMessage
  case closePayloadOfOneByte
  case closeCode(UInt16)
  case closeReasonNotUTF8
  case textNotUTF8
  case badCompression
  case messageTooLarge(limit: Int)

  /// What to close with (RFC 6455 §7.4.1).
  package var closeCode: UInt16 {
    switch self {
    case .closeReasonNotUTF8, .textNotUTF8, .badCompression: 1007
    case .frameTooLarge, .messageTooLarge: 1009
    default: 1002
    }
  }
}

extension WebSocketViolation: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unmaskedFrame: "frames of a client are masked (RFC 6455 §5.1)"
    case .maskedFrame: "frames of a server are not masked (RFC 6455 §5.1)"
    case .reservedBits:
      "a reserved bit is set without an extension that defines it (RFC 6455 §5.2)"
    case .compressedFragment:
      "only the first frame of a message says that it is compressed (RFC 7692 §6.1)"
    case .unknownOpcode(let opcode): "there is no opcode \(opcode) (RFC 6455 §5.2)"
    case .fragmentedControlFrame: "control frames are not fragmented (RFC 6455 §5.5)"
    case .longControlFrame: "a control frame has at most 125 bytes (RFC 6455 §5.5)"
    case .longLengthForm: "a length is written in its shortest form (RFC 6455 §5.2)"
    case .negativeLength: "the first bit of a 64-bit length is 0 (RFC 6455 §5.2)"
    case .frameTooLarge(let limit): "a frame may have at most \(limit) bytes (RFC 6455 §10.4)"
    case .continuationOfNothing: "a continuation without a message (RFC 6455 §5.4)"
    case .interruptedMessage:
      "a new message before the last fragment of the one before (RFC 6455 §5.4)"
    case .closePayloadOfOneByte: "a close code has two bytes (RFC 6455 §5.5.1)"
    case .closeCode(let code): "no close frame has the code \(code) (RFC 6455 §7.4)"
    case .closeReasonNotUTF8: "the reason of a close frame is UTF-8 (RFC 6455 §5.5.1)"
    case .textNotUTF8: "a text message is UTF-8 (RFC 6455 §8.1)"
    case .badCompression: "a compressed message is whole DEFLATE blocks (RFC 7692 §7.2.2)"
    case .messageTooLarge(let limit):
      "a message may have at most \(limit) bytes, and what a later one may refer to is not to be had "
        + "without decompressing all of it (RFC 6455 §10.4, RFC 7692 §7.1.1)"
    }
  }
}
