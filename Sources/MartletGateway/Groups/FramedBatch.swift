internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Deliveries of one group, framed once for all of its members.
struct FramedBatch {
  private struct Item {
    var end: Int
    /// 0 for an ephemeral event.
    var offset: UInt64
    var excluded: String?
  }

  /// All frames, back to back.
  let frames: ByteBuffer
  private let items: [Item]
  private let firstOffset: UInt64
  private let hasExclusions: Bool
  private let hasEphemeral: Bool

  init(_ deliveries: [Delivery]) {
    var frames = ByteBuffer()
    frames.reserveCapacity(deliveries.reduce(0) { $0 + $1.event.readableBytes + 96 })
    var items: [Item] = []
    items.reserveCapacity(deliveries.count)
    for delivery in deliveries {
      PublicationFrame.writeWebSocket(
        event: delivery.event, group: delivery.group, offset: delivery.position?.offset,
        newEpoch: delivery.newEpoch, into: &frames)
      items.append(
        Item(
          end: frames.writerIndex, offset: delivery.position?.offset ?? 0,
          excluded: delivery.excluded))
    }
    self.frames = frames
    self.items = items
    firstOffset = items.lazy.map(\.offset).first { $0 > 0 } ?? .max
    hasExclusions = items.contains { $0.excluded != nil }
    hasEphemeral = items.contains { $0.offset == 0 }
  }

  /// How many publications there are.
  var count: Int { items.count }

  /// Whether a member that has seen everything up to `seen` gets the batch as it is.
  func isWhole(after seen: UInt64, droppingEphemeral: Bool) -> Bool {
    seen < firstOffset && !hasExclusions && !(droppingEphemeral && hasEphemeral)
  }

  /// What a member gets that the batch as it is does not suit.
  ///
  /// - Parameters:
  ///   - seen: publications up to this offset are left out.
  ///   - connectionID: events that exclude this connection are left out.
  /// - Returns: the frames, how many there are, and how many ephemeral ones were dropped.
  func part(
    after seen: UInt64, for connectionID: String, droppingEphemeral: Bool
  ) -> (frames: ByteBuffer, count: Int, dropped: Int) {
    var part = ByteBuffer()
    var count = 0
    var dropped = 0
    var start = frames.readerIndex
    for item in items {
      defer { start = item.end }
      if item.excluded == connectionID { continue }
      if item.offset == 0, droppingEphemeral {
        dropped += 1
        continue
      }
      if item.offset != 0, item.offset <= seen { continue }
      if var slice = frames.getSlice(at: start, length: item.end - start) {
        part.writeBuffer(&slice)
        count += 1
      }
    }
    return (part, count, dropped)
  }
}
