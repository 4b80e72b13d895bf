/// Reads the messages of a gateway (docs/protocol.md, From the server).
struct MartletMessages: Sendable {
  /// The members of a message, found but not interpreted.
  private struct Fields {
    var type: JSONKey?
    var load: Int?
    var position: Int?
    var offset: UInt64?
    var epoch: Range<Int>?
    var ref: UInt64?
    var recovered: Bool?
    var reconnectAfter: UInt64?
    var code: Range<Int>?
  }

  private enum Name {
    static let type = JSONKey("type")
    static let load = JSONKey("load")
    static let offset = JSONKey("offset")
    static let ref = JSONKey("ref")
    static let epoch = JSONKey("epoch")
    static let position = JSONKey("position")
    static let recovered = JSONKey("recovered")
    static let code = JSONKey("code")
    static let reconnectAfter = JSONKey("reconnect_after")
    static let run = JSONKey("run")
    static let publisher = JSONKey("publisher")
    static let sequence = JSONKey("sequence")
    static let intended = JSONKey("intended")
    static let retry = JSONKey("retry")
    static let established = JSONKey("connection_established")
    static let resync = JSONKey("resync")
    static let acknowledgement = JSONKey("ack")
    static let error = JSONKey("error")
    static let draining = JSONKey("draining")
    static let userJoined = JSONKey("user_joined")
  }

  private let run: JSONKey
  private let startedMark: TextMark

  init(run: RunIdentifier) {
    self.run = JSONKey(run.text)
    startedMark = TextMark(Self.startedText(run: run))
  }

  /// What `{started}` in paths and claims becomes, without the number behind it.
  static func startedText(run: RunIdentifier) -> String { "started-\(run.text)-" }

  /// Reads one message.
  ///
  /// - Throws: `MalformedJSON` when it is no object or a member has the wrong form.
  func parse(_ bytes: Span<UInt8>) throws(MalformedJSON) -> ServerMessage {
    let fields = try Self.scan(bytes)
    if let load = fields.load {
      return try publication(
        bytes, at: load, offset: fields.offset, epoch: fields.epoch.map { bytes.text($0) })
    }
    guard let type = fields.type else { throw MalformedJSON() }
    switch type {
    case Name.acknowledgement:
      return .acknowledgement(ref: fields.ref.flatMap(UInt32.init(exactly:)))
    case Name.established:
      return .established(position: try Self.position(bytes, fields), recovered: fields.recovered)
    case Name.resync:
      return .resync(position: try Self.position(bytes, fields))
    case Name.error:
      let code = fields.code.map { bytes.text($0) } ?? "unnamed"
      return .error(code: code, ref: fields.ref.flatMap(UInt32.init(exactly:)))
    case Name.draining:
      return .draining(reconnectAfter: fields.reconnectAfter)
    case Name.userJoined:
      return .userJoined(started: startedMark.number(in: bytes))
    default:
      return .foreign(offset: fields.offset, epoch: fields.epoch.map { bytes.text($0) })
    }
  }

  private static func scan(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Fields {
    var fields = Fields()
    var reader = try JSONReader(bytes)
    while let key = try reader.nextKey(bytes) {
      switch key {
      case Name.type: fields.type = JSONKey(bytes, try reader.string(bytes))
      case Name.load: fields.load = try reader.object(bytes)
      case Name.offset: fields.offset = try reader.unsigned(bytes)
      case Name.epoch: fields.epoch = try reader.string(bytes)
      case Name.position: fields.position = try reader.object(bytes)
      case Name.recovered: fields.recovered = try reader.bool(bytes)
      case Name.reconnectAfter: fields.reconnectAfter = try reader.unsigned(bytes)
      case Name.code: fields.code = try reader.string(bytes)
      case Name.ref:
        // A `ref` that is text, or missing a number, was never sent by this program.
        if reader.index < bytes.count, bytes[reader.index] &- 0x30 <= 9 {
          fields.ref = try reader.unsigned(bytes)
        } else {
          try reader.skipValue(bytes)
        }
      default: try reader.skipValue(bytes)
      }
    }
    return fields
  }

  private func publication(
    _ bytes: Span<UInt8>, at start: Int, offset: UInt64?, epoch: String?
  ) throws(MalformedJSON) -> ServerMessage {
    var reader = try JSONReader(bytes, at: start)
    var publication = Publication(publisher: -1, sequence: 0, intended: 0, isRetry: false)
    var isOfThisRun = false
    while let key = try reader.nextKey(bytes) {
      switch key {
      case Name.run: isOfThisRun = JSONKey(bytes, try reader.string(bytes)) == run
      case Name.publisher:
        publication.publisher = Int(truncatingIfNeeded: try reader.unsigned(bytes))
      case Name.sequence:
        publication.sequence = UInt32(clamping: try reader.unsigned(bytes))
      case Name.intended: publication.intended = try reader.unsigned(bytes)
      case Name.retry: publication.isRetry = try reader.unsigned(bytes) != 0
      default: try reader.skipValue(bytes)
      }
    }
    return isOfThisRun
      ? .publication(publication, offset: offset, epoch: epoch)
      : .foreign(offset: offset, epoch: epoch)
  }

  private static func position(
    _ bytes: Span<UInt8>, _ fields: Fields
  ) throws(MalformedJSON) -> Position? {
    guard let start = fields.position else { return nil }
    var reader = try JSONReader(bytes, at: start)
    var epoch: String?
    var offset: UInt64?
    while let key = try reader.nextKey(bytes) {
      switch key {
      case Name.epoch: epoch = bytes.text(try reader.string(bytes))
      case Name.offset: offset = try reader.unsigned(bytes)
      default: try reader.skipValue(bytes)
      }
    }
    guard let epoch, let offset else { throw MalformedJSON() }
    return Position(epoch: epoch, offset: offset)
  }
}
