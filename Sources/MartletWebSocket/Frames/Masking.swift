internal import NIOCore

/// RFC 6455 §5.3: byte `i` of a payload is combined with byte `i mod 4` of the key.
enum Masking {
  /// Masks `bytes`, or unmasks them.
  ///
  /// - Parameter key: its most significant byte is the first on the wire.
  @inline(__always)
  static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    let count = bytes.count
    // The key's bytes in memory order, twice: works on machines of either byte order.
    let word = UInt64(key.bigEndian) | UInt64(key.bigEndian) << 32
    var offset = 0
    while offset &+ 8 <= count {
      let masked = unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word
      unsafe start.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
      offset &+= 8
    }
    while offset < count {
      let byte = unsafe start.load(fromByteOffset: offset, as: UInt8.self)
      unsafe start.storeBytes(
        of: byte ^ self.byte(offset, of: key), toByteOffset: offset, as: UInt8.self)
      offset &+= 1
    }
  }

  /// Masks what can be read from `buffer`, from `offset` on.
  static func apply(_ key: UInt32, to buffer: inout ByteBuffer, from offset: Int) {
    unsafe buffer.withUnsafeMutableReadableBytes { bytes in
      unsafe apply(key, to: UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]))
    }
  }

  /// The key for what follows the first `count` bytes of a payload.
  static func advance(_ key: UInt32, by count: Int) -> UInt32 {
    let bits = UInt32(count & 3) * 8
    return key << bits | key >> (32 - bits)
  }

  @inline(__always)
  private static func byte(_ offset: Int, of key: UInt32) -> UInt8 {
    UInt8(truncatingIfNeeded: key >> (24 &- UInt32(truncatingIfNeeded: offset & 3) &* 8))
  }
}

extension ByteBuffer {
  /// Reads a payload, unmasked: in place if nobody else holds the storage, else in a copy of just these
  /// bytes.
  ///
  /// - Parameters:
  ///   - count: bytes that are there to be read.
  ///   - maskKey: 0 without a mask.
  @inline(__always)
  mutating func takePayload(_ count: Int, maskKey: UInt32) -> ByteBuffer {
    if maskKey != 0 {
      let isUnmasked: Void? = modifyIfUniquelyOwned { bytes in
        unsafe bytes.withUnsafeMutableReadableBytes { readable in
          unsafe Masking.apply(maskKey, to: .init(rebasing: readable[..<count]))
        }
      }
      if isUnmasked == nil { return takeCopy(count, maskKey: maskKey) }
    }
    return slice(ofNext: count)
  }

  private mutating func takeCopy(_ count: Int, maskKey: UInt32) -> ByteBuffer {
    var payload = ByteBuffer()
    payload.reserveCapacity(count)
    payload.writeImmutableBuffer(slice(ofNext: count))
    Masking.apply(maskKey, to: &payload, from: 0)
    return payload
  }

  private mutating func slice(ofNext count: Int) -> ByteBuffer {
    guard let slice = readSlice(length: count) else {
      preconditionFailure("a payload is taken that is not there")
    }
    return slice
  }
}
