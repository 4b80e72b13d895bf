import NIOCore

/// The responses that have come on a connection of HTTP/1.1 (RFC 9112 §4, §6.3), read apart from the gateway's code.
struct HTTPReplies {
  private(set) var statuses: [Int] = []
  private(set) var bodies: [String] = []
  /// What follows the last whole response.
  private(set) var rest: ByteBuffer

  init(_ bytes: ByteBuffer) {
    rest = bytes
    while readOne() {}
  }

  private mutating func readOne() -> Bool {
    var bytes = rest
    guard let end = Self.end(of: bytes.readableBytesView), let head = bytes.readString(length: end)
    else { return false }
    let lines = head.split(separator: "\r\n")
    guard let first = lines.first, first.hasPrefix("HTTP/1."),
      let status = first.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return false }
    var length = 0
    for line in lines.dropFirst() where line.lowercased().hasPrefix("content-length:") {
      length = Int(line.dropFirst(15).drop { $0 == " " }) ?? 0
    }
    guard let body = bytes.readString(length: length) else { return false }
    statuses.append(status)
    bodies.append(body)
    rest = bytes
    // Behind it nothing is HTTP.
    return status != 101
  }

  /// Behind the empty line; nil if there is none yet.
  private static func end(of bytes: ByteBufferView) -> Int? {
    let pattern: [UInt8] = [13, 10, 13, 10]
    var index = bytes.startIndex
    while index + 4 <= bytes.endIndex {
      if bytes[index..<index + 4].elementsEqual(pattern) { return index + 4 - bytes.startIndex }
      index += 1
    }
    return nil
  }
}
