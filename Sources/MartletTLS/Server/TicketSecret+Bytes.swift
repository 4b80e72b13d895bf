extension TicketSecret {
  private static let processSecret = OpenSSL.randomBytes(TicketSecret.minimumLength)

  /// - Throws: ``TLSError/configuration(file:problem:)`` if a file cannot be read, or the secret is too short.
  func bytes() throws(TLSError) -> [UInt8] {
    switch self {
    case .ofProcess: return Self.processSecret
    case .text(let text): return try Self.checked(Array(text.utf8), file: nil)
    case .file(let file):
      let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
      let bytes = try FileBytes.read(file).drop(while: isSpace)
      let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? bytes.startIndex
      return try Self.checked(Array(bytes[..<end]), file: file)
    }
  }

  private static func checked(_ bytes: [UInt8], file: String?) throws(TLSError) -> [UInt8] {
    guard bytes.count >= minimumLength else {
      throw .configuration(
        file: file,
        problem:
          "the ticket secret is \(bytes.count) bytes long; at least \(minimumLength) are needed")
    }
    return bytes
  }
}
