import NIOCore

/// The response to a publication by POST (docs/protocol.md, HTTP fallback), as the message that a WebSocket would bring.
enum PublicationAnswer {
  /// Of a response that is none of the protocol's.
  static let malformedCode = "malformed_answer"

  /// - Parameter sequence: of the publication; nil: its `ref` is not known.
  static func message(status: Int, body: ByteBuffer, sequence: UInt32?) -> ByteBuffer {
    guard status == 200 else {
      return error(code(body.readableBytesUInt8Span) ?? code(status), sequence)
    }
    guard isObject(body.readableBytesUInt8Span) else { return error(malformedCode, sequence) }
    var message = head("ack", sequence)
    // The members of the answer go on.
    var members = body
    members.moveReaderIndex(forwardBy: start(of: body) + 1)
    if !isEmptyObject(body) { message.writeString(",") }
    message.writeImmutableBuffer(members)
    return message
  }

  /// There was no response. Nothing is known: the publication is to be sent again with the same `idempotency_id`.
  static func unanswered(sequence: UInt32?) -> ByteBuffer {
    error("unavailable", sequence)
  }

  private static func code(_ status: Int) -> String {
    status == 503 ? "unavailable" : "http_\(status)"
  }

  private static func error(_ code: String, _ sequence: UInt32?) -> ByteBuffer {
    var message = head("error", sequence)
    message.writeString(#","code":"\#(code)"}"#)
    return message
  }

  private static func head(_ type: String, _ sequence: UInt32?) -> ByteBuffer {
    let reference = sequence.map { #","ref":\#($0)"# } ?? ""
    return ByteBuffer(string: #"{"type":"\#(type)"\#(reference)"#)
  }

  private static func isObject(_ bytes: Span<UInt8>) -> Bool {
    (try? skipObject(bytes)) != nil
  }

  private static func skipObject(_ bytes: Span<UInt8>) throws(MalformedJSON) {
    var reader = try JSONReader(bytes)
    while try reader.nextKey(bytes) != nil { try reader.skipValue(bytes) }
  }

  private static func isEmptyObject(_ body: ByteBuffer) -> Bool {
    let bytes = body.readableBytesUInt8Span
    guard var reader = try? JSONReader(bytes) else { return true }
    return (try? reader.nextKey(bytes)) == .some(nil)
  }

  private static func start(of body: ByteBuffer) -> Int {
    body.readableBytesView.firstIndex(of: UInt8(ascii: "{")).map {
      $0 - body.readerIndex
    } ?? 0
  }

  /// `{"error":{"code":…}}`; nil for anything else.
  private static func code(_ bytes: Span<UInt8>) -> String? {
    do throws(MalformedJSON) {
      var reader = try JSONReader(bytes)
      while let key = try reader.nextKey(bytes) {
        guard key == JSONKey("error") else {
          try reader.skipValue(bytes)
          continue
        }
        let start = try reader.object(bytes)
        var inner = try JSONReader(bytes, at: start)
        while let key = try inner.nextKey(bytes) {
          guard key == JSONKey("code") else {
            try inner.skipValue(bytes)
            continue
          }
          let range = try inner.string(bytes)
          // What it is put into is JSON: only names as those of the protocol are.
          guard !range.isEmpty, range.allSatisfy({ isNameByte(bytes[$0]) }) else { return nil }
          return String(decoding: range.map { bytes[$0] }, as: UTF8.self)
        }
        return nil
      }
    } catch {}
    return nil
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
    default: false
    }
  }
}
