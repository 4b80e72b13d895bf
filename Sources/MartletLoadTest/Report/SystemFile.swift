#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why the system did not read or write, in its own words.
package struct SystemFileError: Error, Equatable, CustomStringConvertible {
  let code: CInt

  package var description: String { ConnectError.reason(code) }
}

/// Files by way of the system's calls, whose failures have a reason that a person understands.
enum SystemFile {
  private static let chunk = 1 << 16

  static func write(_ bytes: [UInt8], to path: String) throws(SystemFileError) {
    let descriptor = try check(
      unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666))
    do throws(SystemFileError) {
      try write(bytes, to: descriptor)
    } catch {
      _ = close(descriptor)
      throw error
    }
    // Some file systems say only now that there was no room.
    _ = try check(close(descriptor))
  }

  static func write(_ bytes: [UInt8], to descriptor: CInt) throws(SystemFileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Safe: the call only reads the buffer, which outlives it.
      let count = unsafe rest.withUnsafeBytes {
        unsafe systemWrite(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      rest = rest.dropFirst(try check(count))
    }
  }

  static func read(_ path: String) throws(SystemFileError) -> [UInt8] {
    let descriptor = try check(unsafe open(path, O_RDONLY | O_CLOEXEC))
    defer { _ = close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: chunk)
    while true {
      // Safe: the call writes at most as much as the buffer holds, which outlives it.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe systemRead(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard try check(count) > 0 else { return bytes }
      bytes += buffer.prefix(count)
    }
  }

  /// What a call returned, unless it failed.
  private static func check<Value: SignedInteger>(
    _ value: Value
  ) throws(SystemFileError) -> Value {
    guard value >= 0 else { throw SystemFileError(code: errno) }
    return value
  }
}

/// Standard output, unbuffered.
package enum StandardOutput {
  package static func write(_ text: String) throws(SystemFileError) {
    try SystemFile.write([UInt8](text.utf8), to: STDOUT_FILENO)
  }
}

#if canImport(Glibc)
  private let systemWrite = unsafe Glibc.write
  private let systemRead = unsafe Glibc.read
#elseif canImport(Darwin)
  private let systemWrite = unsafe Darwin.write
  private let systemRead = unsafe Darwin.read
#endif
