internal import MartletCore
internal import NIOCore

/// An entry of a shard stream: one field `r` whose value is text, its parts separated by a space.
///
/// ```
/// p OFFSET EPOCH EXCLUDED|- GROUP EVENT      a publication
/// e EXCLUDED|- GROUP EVENT                   an ephemeral event
/// b NODE NUMBER                              a probe of a gateway
/// ```
///
/// One field keeps a reader's work per entry to one string; the same value stands in the history.
enum PublicationRecord: Equatable {
  case delivery(Delivery)
  case probe(node: String, number: UInt64)

  /// What follows the kind, offset and epoch: the part that the publisher knows.
  static func tail(_ request: PublishRequest) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(request.event.readableBytes + 128)
    buffer.writeString(request.excluded ?? "-")
    buffer.writeString(" ")
    buffer.writeString(request.group.rawValue)
    buffer.writeString(" ")
    buffer.writeImmutableBuffer(request.event)
    return buffer
  }

  /// Nil if `record` is not of a known form.
  init?(_ record: ByteBuffer) {
    var reader = WordReader(rest: record)
    switch reader.next() {
    case "p":
      // A double holds offsets below 2^53; Redis' scripts and JavaScript count in doubles.
      guard let offset = reader.next().flatMap({ UInt64($0) }), (1..<(1 << 53)).contains(offset),
        let epoch = reader.next().flatMap({ Epoch($0) }),
        let delivery = reader.delivery(position: Position(epoch: epoch, offset: offset))
      else { return nil }
      self = .delivery(delivery)
    case "e":
      guard let delivery = reader.delivery(position: nil) else { return nil }
      self = .delivery(delivery)
    case "b":
      guard let node = reader.next(),
        let number = UInt64(String(buffer: reader.rest))
      else { return nil }
      self = .probe(node: node, number: number)
    default:
      return nil
    }
  }
}

/// Takes words up to the next space.
private struct WordReader {
  var rest: ByteBuffer

  mutating func next() -> String? {
    let space = rest.readableBytesView.firstIndex(of: UInt8(ascii: " "))
    guard let length = space.map({ $0 - rest.readerIndex }),
      let word = rest.readString(length: length)
    else { return nil }
    rest.moveReaderIndex(forwardBy: 1)
    return word
  }

  mutating func delivery(position: Position?) -> Delivery? {
    guard let excluded = next(), let group = next(), rest.readableBytes >= 2 else { return nil }
    return Delivery(
      group: GroupName(trusted: group), position: position,
      excluded: excluded == "-" ? nil : excluded, event: rest)
  }
}
