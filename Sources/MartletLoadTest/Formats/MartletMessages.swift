/// Reads the messages of a gateway (docs/protocol.md, From the server). An object, since every client has it.
final class MartletMessages: Sendable {
  /// The members of a message, found but not interpreted: where the value of each begins, unless the server alone writes it. In an
  /// application's event the others may be anything.
  private struct Fields {
    var type: JSONKey?
    var load: Int?
    var position: Int?
    var offset: UInt64?
    var epoch: Range<Int>?
    var ref: Int?
    var recovered: Int?
    var reconnectAfter: Int?
    var code: Int?
  }

  /// A value, since to look at static ones takes a call each time.
  private struct Names {
    let type = JSONKey("type")
    let load = JSONKey("load")
    let offset = JSONKey("offset")
    let ref = JSONKey("ref")
    let epoch = JSONKey("epoch")
    let position = JSONKey("position")
    let recovered = JSONKey("recovered")
    let code = JSONKey("code")
    let reconnectAfter = JSONKey("reconnect_after")
    let run = JSONKey("run")
    let publisher = JSONKey("publisher")
    let sequence = JSONKey("sequence")
    let intended = JSONKey("intended")
    let retry = JSONKey("retry")
    let established = JSONKey("connection_established")
    let resync = JSONKey("resync")
    let acknowledgement = JSONKey("ack")
    let error = JSONKey("error")
    let draining = JSONKey("draining")
    let userJoined = JSONKey("user_joined")
  }

  private let names = Names()
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
    let fields = try scan(bytes)
    if let load = fields.load, bytes[load] == UInt8(ascii: "{") {
      return try publication(
        bytes, at: load, offset: fields.offset, epoch: fields.epoch.map { bytes.text($0) })
    }
    guard let type = fields.type else { throw MalformedJSON() }
    switch type {
    case names.acknowledgement:
      return .acknowledgement(ref: try reference(bytes, fields))
    case names.established:
      return .established(
        position: try position(bytes, fields),
        recovered: try value(at: fields.recovered) { reader throws(MalformedJSON) in
          try reader.bool(bytes)
        })
    case names.resync:
      return .resync(position: try position(bytes, fields))
    case names.error:
      let code = try value(at: fields.code) { reader throws(MalformedJSON) in
        bytes.text(try reader.string(bytes))
      }
      return .error(code: code ?? "unnamed", ref: try reference(bytes, fields))
    case names.draining:
      return .draining(
        reconnectAfter: try value(at: fields.reconnectAfter) { reader throws(MalformedJSON) in
          try reader.unsigned(bytes)
        })
    case names.userJoined:
      return .userJoined(started: startedMark.number(in: bytes))
    default:
      return .foreign(offset: fields.offset, epoch: fields.epoch.map { bytes.text($0) })
    }
  }

  private func scan(_ bytes: Span<UInt8>) throws(MalformedJSON) -> Fields {
    var fields = Fields()
    var reader = try JSONReader(bytes)
    while let key = try reader.nextKey(bytes) {
      switch key {
      case names.type: fields.type = JSONKey(bytes, try reader.string(bytes))
      case names.load: fields.load = try reader.place(bytes)
      case names.offset: fields.offset = try reader.unsigned(bytes)
      case names.epoch: fields.epoch = try reader.string(bytes)
      case names.position: fields.position = try reader.place(bytes)
      case names.recovered: fields.recovered = try reader.place(bytes)
      case names.reconnectAfter: fields.reconnectAfter = try reader.place(bytes)
      case names.code: fields.code = try reader.place(bytes)
      case names.ref: fields.ref = try reader.place(bytes)
      default: try reader.skipValue(bytes)
      }
    }
    return fields
  }

  private func value<Value>(
    at place: Int?, _ read: (inout JSONReader) throws(MalformedJSON) -> Value
  ) throws(MalformedJSON) -> Value? {
    guard let place else { return nil }
    var reader = JSONReader(valueAt: place)
    return try read(&reader)
  }

  /// A `ref` that is no number was never sent by this program.
  private func reference(
    _ bytes: Span<UInt8>, _ fields: Fields
  ) throws(MalformedJSON) -> UInt32? {
    guard let place = fields.ref, bytes[place] &- 0x30 <= 9 else { return nil }
    var reader = JSONReader(valueAt: place)
    return UInt32(exactly: try reader.unsigned(bytes))
  }

  private func publication(
    _ bytes: Span<UInt8>, at start: Int, offset: UInt64?, epoch: String?
  ) throws(MalformedJSON) -> ServerMessage {
    var reader = try JSONReader(bytes, at: start)
    var publication = Publication(publisher: -1, sequence: 0, intended: 0, isRetry: false)
    var isOfThisRun = false
    do throws(MalformedJSON) {
      while let key = try reader.nextKey(bytes) {
        switch key {
        case names.run: isOfThisRun = JSONKey(bytes, try reader.string(bytes)) == run
        case names.publisher:
          publication.publisher = Int(truncatingIfNeeded: try reader.unsigned(bytes))
        case names.sequence:
          publication.sequence = UInt32(clamping: try reader.unsigned(bytes))
        case names.intended: publication.intended = try reader.unsigned(bytes)
        case names.retry: publication.isRetry = try reader.unsigned(bytes) != 0
        default: try reader.skipValue(bytes)
        }
      }
    } catch {
      // An application may have a `load` of its own.
      if isOfThisRun { throw error }
    }
    return isOfThisRun
      ? .publication(publication, offset: offset, epoch: epoch)
      : .foreign(offset: offset, epoch: epoch)
  }

  private func position(
    _ bytes: Span<UInt8>, _ fields: Fields
  ) throws(MalformedJSON) -> Position? {
    guard let start = fields.position else { return nil }
    var reader = try JSONReader(bytes, at: start)
    var epoch: String?
    var offset: UInt64?
    while let key = try reader.nextKey(bytes) {
      switch key {
      case names.epoch: epoch = bytes.text(try reader.string(bytes))
      case names.offset: offset = try reader.unsigned(bytes)
      default: try reader.skipValue(bytes)
      }
    }
    guard let epoch, let offset else { throw MalformedJSON() }
    return Position(epoch: epoch, offset: offset)
  }
}
