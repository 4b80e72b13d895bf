internal import NIOCore

/// The message so far, of one or more frames (RFC 6455 §5.4). Checks text as it comes (RFC 6455 §8.1).
struct PartialMessage {
  let isText: Bool
  let isCompressed: Bool
  /// The message is above the limit: the rest is not kept, either.
  private(set) var isDropped = false
  private var bytes = ByteBuffer()
  private var validation = UTF8Validation()
  /// How much of ``bytes`` has been checked.
  private var checked = 0

  init(isText: Bool, isCompressed: Bool) {
    self.isText = isText
    self.isCompressed = isCompressed
  }

  /// Storage, in bytes.
  var heldBytes: Int { bytes.storageCapacity }

  /// A frame begins. One with which the message gets too large is not worth keeping.
  ///
  /// - Parameters:
  ///   - length: of its payload, in bytes.
  ///   - limit: of the whole message, in bytes.
  mutating func expect(_ length: Int, limit: Int) {
    // Compressed, it says nothing about the message's size.
    if !isCompressed, length > limit - bytes.readableBytes { drop() }
  }

  mutating func drop() {
    isDropped = true
    bytes = ByteBuffer()
  }

  /// - Parameter maskKey: for ``part``; 0 without a mask.
  mutating func append(_ part: ByteBuffer, maskKey: UInt32) throws(WebSocketViolation) {
    bytes.writeImmutableBuffer(part)
    if maskKey != 0 { Masking.apply(maskKey, to: &bytes, from: checked) }
    try check()
  }

  /// What is new has to be checked afterwards.
  mutating func inflate(
    _ part: ByteBuffer, with inflater: Inflater, limit: Int
  ) -> Inflater.Outcome {
    inflater.inflate(part, into: &bytes, limit: limit)
  }

  /// What is new has to be checked afterwards.
  mutating func endInflating(with inflater: Inflater, limit: Int) -> Inflater.Outcome {
    inflater.endMessage(into: &bytes, limit: limit)
  }

  /// Checks what is new, if it is text.
  mutating func check() throws(WebSocketViolation) {
    defer { checked = bytes.readableBytes }
    guard isText else { return }
    let isValid = unsafe bytes.withUnsafeReadableBytes { bytes in
      unsafe validation.accept(UnsafeRawBufferPointer(rebasing: bytes[checked...]))
    }
    guard isValid else { throw .textNotUTF8 }
  }

  /// What the complete message is.
  consuming func event() throws(WebSocketViolation) -> WebSocketEvent {
    if isDropped { return .tooLarge }
    guard isText else { return .binary(bytes) }
    guard validation.isComplete else { throw .textNotUTF8 }
    return .text(bytes)
  }
}
