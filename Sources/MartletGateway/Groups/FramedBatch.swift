internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import MartletWebSocket
internal import NIOCore

/// Deliveries of one group, framed once per wire format for all of its members.
struct FramedBatch {
  private struct Frames {
    /// Back to back.
    var bytes: ByteBuffer
    /// Where each one ends.
    var ends: [Int]
  }

  private let deliveries: [Delivery]
  private let firstOffset: UInt64
  private let hasExclusions: Bool
  private let hasEphemeral: Bool
  /// What most members want, without a look-up.
  private var webSocket: Frames?
  private var others: [WireFormat: Frames] = [:]
  private let compressors: CompressorPool

  /// - Parameter compressors: those of the event loop.
  init(_ deliveries: [Delivery], _ compressors: CompressorPool) {
    self.deliveries = deliveries
    self.compressors = compressors
    firstOffset = deliveries.lazy.compactMap { $0.position?.offset }.first ?? .max
    hasExclusions = deliveries.contains { $0.excluded != nil }
    hasEphemeral = deliveries.contains { $0.position == nil }
  }

  /// How many publications there are.
  var count: Int { deliveries.count }

  /// Whether a member that has seen everything up to `seen` gets the batch as it is.
  func isWhole(after seen: UInt64, droppingEphemeral: Bool) -> Bool {
    seen < firstOffset && !hasExclusions && !(droppingEphemeral && hasEphemeral)
  }

  /// All frames, back to back.
  @inline(__always)
  mutating func whole(_ format: WireFormat) -> ByteBuffer {
    if format == .webSocket, let webSocket { return webSocket.bytes }
    return frames(format).bytes
  }

  /// What a member gets that the batch as it is does not suit.
  ///
  /// - Parameters:
  ///   - seen: publications up to this offset are left out.
  ///   - connectionID: events that exclude this connection are left out.
  /// - Returns: the frames, how many there are, and how many ephemeral ones were dropped.
  mutating func part(
    _ format: WireFormat, after seen: UInt64, for connectionID: String, droppingEphemeral: Bool
  ) -> (frames: ByteBuffer, count: Int, dropped: Int) {
    let frames = frames(format)
    var part = ByteBuffer()
    var count = 0
    var dropped = 0
    var start = frames.bytes.readerIndex
    for (delivery, end) in zip(deliveries, frames.ends) {
      defer { start = end }
      if delivery.excluded == connectionID { continue }
      if let offset = delivery.position?.offset {
        if offset <= seen { continue }
      } else if droppingEphemeral {
        dropped += 1
        continue
      }
      if var slice = frames.bytes.getSlice(at: start, length: end - start) {
        part.writeBuffer(&slice)
        count += 1
      }
    }
    return (part, count, dropped)
  }

  private mutating func frames(_ format: WireFormat) -> Frames {
    if let known = format == .webSocket ? webSocket : others[format] { return known }
    let frames = makeFrames(format)
    if format == .webSocket { webSocket = frames } else { others[format] = frames }
    return frames
  }

  private func makeFrames(_ format: WireFormat) -> Frames {
    var bytes = ByteBuffer()
    bytes.reserveCapacity(deliveries.reduce(0) { $0 + $1.event.readableBytes + 96 })
    var ends: [Int] = []
    ends.reserveCapacity(deliveries.count)
    for delivery in deliveries {
      switch format {
      case .webSocketDeflated(let settings, let floor):
        let compressor = compressors[settings]
        var json = ByteBuffer()
        PublicationFrame.writeJSON(
          event: delivery.event, group: delivery.group, offset: delivery.position?.offset,
          newEpoch: delivery.newEpoch, into: &json)
        var frame =
          json.readableBytes < floor
          ? WebSocketFraming.frame(.text, payload: json) : compressor.frame(.text, json)
        bytes.writeBuffer(&frame)
      case .webSocket:
        PublicationFrame.writeWebSocket(
          event: delivery.event, group: delivery.group, offset: delivery.position?.offset,
          newEpoch: delivery.newEpoch, into: &bytes)
      case .eventStream:
        PublicationFrame.writeEventStream(
          event: delivery.event, group: delivery.group, position: delivery.position,
          newEpoch: delivery.newEpoch, into: &bytes)
      case .list:
        PublicationFrame.writeJSON(
          event: delivery.event, group: delivery.group, offset: delivery.position?.offset,
          newEpoch: delivery.newEpoch, into: &bytes)
        bytes.writeInteger(UInt8(ascii: ","))
      }
      ends.append(bytes.writerIndex)
    }
    return Frames(bytes: bytes, ends: ends)
  }
}
