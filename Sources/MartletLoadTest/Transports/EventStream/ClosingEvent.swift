/// The last event of a stream, in place of a WebSocket's close frame (docs/protocol.md, Server-sent events).
enum ClosingEvent {
  /// With this such events begin; JSON of the gateway has its type first, and no spaces.
  private static let beginning = Array(#"{"type":"closing","#.utf8)

  /// Nil for any other event, publications of the type `closing` included.
  static func parse(_ data: Span<UInt8>) -> (code: UInt16, reason: String)? {
    guard data.count > beginning.count else { return nil }
    for index in beginning.indices where data[index] != beginning[index] { return nil }
    return try? members(data)
  }

  private static func members(
    _ data: Span<UInt8>
  ) throws(MalformedJSON) -> (code: UInt16, reason: String)? {
    var reader = try JSONReader(data)
    var code: UInt16?
    var reason = ""
    var hasReconnect = false
    while let key = try reader.nextKey(data) {
      switch key {
      case JSONKey("code"): code = UInt16(exactly: try reader.unsigned(data))
      case JSONKey("reason"):
        reason = String(decoding: try reader.string(data).map { data[$0] }, as: UTF8.self)
      case JSONKey("reconnect"):
        hasReconnect = true
        try reader.skipValue(data)
      case JSONKey("offset"), JSONKey("sender"): return nil
      default: try reader.skipValue(data)
      }
    }
    guard hasReconnect, let code else { return nil }
    return (code, reason)
  }
}
