internal import CHiredis
package import NIOCore

/// A command with its arguments.
package struct RedisCommand: Sendable, ExpressibleByArrayLiteral {
  /// One argument: text, bytes, a number, or what the executing server says of itself.
  package enum Argument: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    case text(String)
    case bytes(ByteBuffer)
    case number(Int64)
    /// ``RedisIdentity/incarnation`` of the server that executes the command.
    case incarnation

    package init(stringLiteral value: String) {
      self = .text(value)
    }
  }

  package var arguments: [Argument]

  package init(_ arguments: [Argument]) {
    self.arguments = arguments
  }

  package init(arrayLiteral arguments: Argument...) {
    self.arguments = arguments
  }

  /// Bytes of payload, roughly.
  var size: Int {
    arguments.reduce(0) { size, argument in
      switch argument {
      case .text(let text): size + text.utf8.count
      case .bytes(let bytes): size + bytes.readableBytes
      case .number, .incarnation: size + 16
      }
    }
  }

  /// Appends the command in RESP to `buffer`.
  ///
  /// - Parameter incarnation: takes the place of ``Argument/incarnation``.
  func write(to buffer: inout ByteBuffer, incarnation: String) {
    var packed = ByteBuffer()
    var lengths: [Int] = []
    lengths.reserveCapacity(arguments.count)
    for argument in arguments {
      switch argument {
      case .text(let text): lengths.append(packed.writeString(text))
      case .bytes(let bytes): lengths.append(packed.writeImmutableBuffer(bytes))
      case .number(let number): lengths.append(packed.writeString(String(number)))
      case .incarnation: lengths.append(packed.writeString(incarnation))
      }
    }
    unsafe packed.withUnsafeReadableBytes { bytes in
      // An empty argument needs a pointer too, even if nothing is packed.
      let empty: StaticString = ""
      var next =
        unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        ?? UnsafeRawPointer(empty.utf8Start).assumingMemoryBound(to: CChar.self)
      var pointers: [UnsafePointer<CChar>?] = unsafe []
      unsafe pointers.reserveCapacity(lengths.count)
      for length in lengths {
        unsafe pointers.append(next)
        unsafe next += length
      }
      var formatted: UnsafeMutablePointer<CChar>?
      let count = unsafe redisFormatCommandArgv(
        &formatted, Int32(lengths.count), &pointers, lengths)
      guard count > 0, let start = unsafe formatted else {
        preconditionFailure("out of memory while formatting a command")
      }
      unsafe buffer.writeBytes(unsafe UnsafeRawBufferPointer(start: start, count: Int(count)))
      unsafe redisFreeCommand(start)
    }
  }
}

/// The library behind this module.
package enum Hiredis {
  /// The version of hiredis that this program was built with.
  package static var version: String { unsafe String(cString: martlet_hiredis_version()) }
}
