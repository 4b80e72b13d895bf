internal import NIOCore

/// Speaks to a server that is not Martlet, by a ``ProtocolAdapter``.
///
/// A publication is a *mark*, `martlet:RUN:PUBLISHER:SEQUENCE:INTENDED:RETRY:` and padding, wherever the server's messages have it.
struct AdaptedMessages: Sendable {
  private struct Pattern {
    var key: [JSONKey]
    var equals: String
  }

  private let adapter: ProtocolAdapter
  private let run: String
  private let mark: TextMark
  private let markKey: [JSONKey]?
  private let joined: Pattern?
  private let acknowledgement: Pattern?
  private let acknowledgedKey: [JSONKey]

  init(_ adapter: ProtocolAdapter, run: RunIdentifier) {
    self.adapter = adapter
    self.run = run.text
    mark = TextMark("martlet:\(run.text):")
    markKey = adapter.mark?.map { JSONKey($0) }
    joined = Self.pattern(adapter.joined)
    acknowledgement = Self.pattern(adapter.acknowledgement)
    acknowledgedKey = adapter.acknowledgedSequence.map { JSONKey($0) }
  }

  private static func pattern(_ pattern: ProtocolAdapter.Pattern?) -> Pattern? {
    pattern.map { Pattern(key: $0.key.map { JSONKey($0) }, equals: $0.equals) }
  }

  func joinMessage(client: Int, group: Int) -> ByteBuffer? {
    adapter.join.map { ByteBuffer(string: Self.filled($0, client: client, group: group)) }
  }

  var joinsByItself: Bool { joined == nil }

  var acknowledgementKind: MessageFormat.Acknowledgement {
    if acknowledgement != nil { return .message }
    return adapter.audience == .others ? .none : .ownDelivery
  }

  private static func filled(_ template: String, client: Int, group: Int) -> String {
    template.replacing("{client}", with: String(client))
      .replacing("{group}", with: String(group))
  }

  func write(_ publication: Publication, size: Int, group: Int, into buffer: inout ByteBuffer) {
    var text = "martlet:\(run):\(publication.publisher):\(publication.sequence):"
    text += "\(publication.intended):\(publication.isRetry ? 1 : 0):"
    let frame = Self.filled(adapter.publish, client: publication.publisher, group: group)
      .replacing("{ref}", with: String(publication.sequence))
    // The size is that of the whole message.
    let padding = size - frame.utf8.count + "{mark}".utf8.count - text.utf8.count
    text += String(repeating: "x", count: max(0, padding))
    buffer.writeString(frame.replacing("{mark}", with: text))
  }

  func parse(_ bytes: Span<UInt8>) throws(MalformedJSON) -> ServerMessage {
    if let publication = try publication(bytes) {
      return .publication(publication, offset: nil, epoch: nil)
    }
    guard let joined, try Self.matches(joined, bytes) else {
      guard let acknowledgement, try Self.matches(acknowledgement, bytes) else {
        return .foreign(offset: nil, epoch: nil)
      }
      return .acknowledgement(ref: try acknowledgedSequence(bytes))
    }
    return .established(position: nil, recovered: nil)
  }

  private func publication(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Publication? {
    var start = 0
    if let markKey {
      guard let place = try JSONReader.place(of: markKey, in: bytes) else { return nil }
      start = place
    }
    guard var index = mark.end(in: bytes, from: start) else { return nil }
    func next() -> UInt64? {
      let number = bytes.number(at: &index)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ":") else { return nil }
      index += 1
      return number
    }
    guard let publisher = next().flatMap({ Int(exactly: $0) }),
      let sequence = next().flatMap({ UInt32(exactly: $0) }), let intended = next(),
      let retry = next()
    else { return nil }
    return Publication(
      publisher: publisher, sequence: sequence, intended: intended, isRetry: retry != 0)
  }

  private func acknowledgedSequence(_ bytes: Span<UInt8>) throws(MalformedJSON) -> UInt32? {
    guard var index = try JSONReader.place(of: acknowledgedKey, in: bytes) else { return nil }
    // A number, or a text of digits.
    if index < bytes.count, bytes[index] == UInt8(ascii: "\"") { index += 1 }
    return bytes.number(at: &index).flatMap { UInt32(exactly: $0) }
  }

  private static func matches(
    _ pattern: Pattern, _ bytes: Span<UInt8>
  ) throws(MalformedJSON) -> Bool {
    guard let place = try JSONReader.place(of: pattern.key, in: bytes),
      place < bytes.count
    else { return false }
    var end = place
    var start = place
    if bytes[place] == UInt8(ascii: "\"") {
      start += 1
      end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += 1 }
    } else {
      while end < bytes.count, !",}] \t\r\n".utf8.contains(bytes[end]) { end += 1 }
    }
    return bytes.text(start..<end) == pattern.equals
  }
}

extension JSONReader {
  /// Where the value at `path` begins, in an object of objects; nil if there is none, or the message is no object.
  static func place(
    of path: [JSONKey], in bytes: Span<UInt8>
  ) throws(MalformedJSON) -> Int? {
    var start = 0
    while start < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[start]) { start += 1 }
    // Servers send texts that are no objects, too.
    guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return nil }
    for (depth, key) in path.enumerated() {
      var reader = try JSONReader(bytes, at: start)
      var found: Int?
      while found == nil, let next = try reader.nextKey(bytes) {
        if next == key { found = reader.index } else { try reader.skipValue(bytes) }
      }
      guard let found else { return nil }
      guard depth + 1 < path.count else { return found }
      guard found < bytes.count, bytes[found] == UInt8(ascii: "{") else { return nil }
      start = found
    }
    return start
  }
}
