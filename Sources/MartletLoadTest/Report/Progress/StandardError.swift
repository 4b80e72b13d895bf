#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard error, unbuffered.
package enum StandardError {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns of the terminal; 80 if it does not say.
  static var width: Int {
    var size = winsize()
    // Safe: the call fills the structure it is given and keeps nothing.
    guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }

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
