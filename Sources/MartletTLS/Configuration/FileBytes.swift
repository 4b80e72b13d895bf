internal import COpenSSL

/// Small files, whole.
enum FileBytes {
  /// More is not what a certificate, a key or a list of authorities has.
  static let maximumCount = 4 << 20

  /// - Throws: ``TLSError/configuration(file:problem:)`` if the file cannot be read or is too large.
  static func read(_ file: String) throws(TLSError) -> [UInt8] {
    OpenSSLError.clearAll()
    guard let bio = unsafe BIO_new_file(file, "rb") else {
      throw .configuration(file: file, problem: OpenSSLError.takeFirst().text)
    }
    defer { unsafe BIO_free(bio) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16_384)
    var count = 0
    while unsafe BIO_read_ex(bio, &piece, piece.count, &count) == 1, count > 0 {
      bytes += piece[..<count]
      guard bytes.count <= maximumCount else {
        throw .configuration(file: file, problem: "larger than \(maximumCount) bytes")
      }
    }
    let error = OpenSSLError.takeFirst()
    // A directory opens, and fails here.
    guard error.library == 0 || !bytes.isEmpty else {
      throw .configuration(file: file, problem: error.text)
    }
    return bytes
  }
}
