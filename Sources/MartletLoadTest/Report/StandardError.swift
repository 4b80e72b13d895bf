#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard error, unbuffered.
package enum StandardError {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Text that cannot be written is dropped: there is nowhere to complain.
  package static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      // Safe: the call only reads the buffer.
      _ = unsafe systemWrite(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }
}

#if canImport(Glibc)
  private let systemWrite = unsafe Glibc.write
#elseif canImport(Darwin)
  private let systemWrite = unsafe Darwin.write
#endif
