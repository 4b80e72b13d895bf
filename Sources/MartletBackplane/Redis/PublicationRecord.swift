internal import MartletCore
internal import MartletRedis
internal import NIOCore

/// An entry of a shard stream, and of a history: one field whose name is the head, and whose value is the body; their parts
/// are separated by spaces.
///
/// ```
/// p OFFSET EPOCH            EXCLUDED|- GROUP EVENT   a publication
/// c OFFSET EPOCH FORMER     EXCLUDED|- GROUP EVENT   the first of an epoch that continues FORMER
/// e                         EXCLUDED|- GROUP EVENT   an ephemeral event
/// b                         NODE NUMBER              a probe of a gateway
/// ```
///
/// The publisher knows the body, the script makes the head: nothing has to be joined in Redis.
enum PublicationRecord: Equatable {
  case delivery(Delivery)
  case probe(node: String, number: UInt64)

  /// The heads of what has no position.
  static let ephemeralHead = "e"
  static let probeHead = "b"

  static func body(_ request: PublishRequest) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(request.event.readableBytes + 128)
    buffer.writeString(request.excluded ?? "-")
    buffer.writeString(" ")
    buffer.writeString(request.group.rawValue)
    buffer.writeString(" ")
    buffer.writeImmutableBuffer(request.event)
    return buffer
  }

  static func probeBody(node: String, number: UInt64) -> String { "\(node) \(number)" }

  /// Nil if this is not of a known form.
  init?(head: ByteBuffer, body: ByteBuffer) {
    var head = WordReader(rest: head)
    var body = WordReader(rest: body)
    let kind = head.next()
    switch kind {
    case "p", "c":
      // A double holds offsets below 2^53; Redis' scripts and JavaScript count in doubles.
      guard let offset = head.next().flatMap({ UInt64($0) }), (1..<(1 << 53)).contains(offset),
        let epoch = head.next().flatMap({ Epoch($0) })
      else { return nil }
      let former = kind == "c" ? head.next().flatMap({ Epoch($0) }) : nil
      guard kind == "p" || former != nil,
        var delivery = body.delivery(position: Position(epoch: epoch, offset: offset))
      else { return nil }
      delivery.continues = former
      self = .delivery(delivery)
    case Self.ephemeralHead:
      guard let delivery = body.delivery(position: nil) else { return nil }
      self = .delivery(delivery)
    case Self.probeHead:
      guard let node = body.next(), let number = body.next().flatMap({ UInt64($0) }) else {
        return nil
      }
      self = .probe(node: node, number: number)
    default:
      return nil
    }
  }
}

extension PublicationRecord {
  /// Reads an entry of a stream, `[id, [head, body]]`.
  init?(entry: RedisValue) {
    guard case .array(let parts) = entry, parts.count == 2, case .array(let fields) = parts[1],
      fields.count == 2, case .string(let head) = fields[0], case .string(let body) = fields[1]
    else { return nil }
    self.init(head: head, body: body)
  }
}

/// Takes words up to the next space, or the end.
private struct WordReader {
  var rest: ByteBuffer

  mutating func next() -> String? {
    guard rest.readableBytes > 0 else { return nil }
    let space = rest.readableBytesView.firstIndex(of: UInt8(ascii: " "))
    let word = rest.readString(length: space.map { $0 - rest.readerIndex } ?? rest.readableBytes)
    if space != nil { rest.moveReaderIndex(forwardBy: 1) }
    return word
  }

  mutating func delivery(position: Position?) -> Delivery? {
    guard let excluded = next(), let group = next(), rest.readableBytes >= 2 else { return nil }
    return Delivery(
      group: GroupName(trusted: group), position: position,
      excluded: excluded == "-" ? nil : excluded, event: rest)
  }
}
