internal import NIOCore

/// The bytes that one direction of a ``FaultProxy`` connection holds, and when they may go on.
///
/// A value without a clock of its own; order is never changed.
struct FaultQueue {
  enum Content: Equatable {
    case bytes(ByteBuffer)
    /// The sender has ended its direction (FIN).
    case end
    /// The sender has broken the connection off (RST).
    case reset
  }

  enum Step: Equatable {
    case forward(Content)
    case wait(until: NIODeadline)
  }

  /// Paced bytes go on in slices of what that time allows.
  private static let slice = TimeAmount.milliseconds(20)
  /// So much lost time is caught up, else late timers would lower the throughput.
  private static let catchUp = TimeAmount.milliseconds(100)

  /// The bytes held.
  private(set) var byteCount = 0
  private var items = CircularBuffer<(content: Content, arrival: NIODeadline)>()
  private var nextSlice = NIODeadline.uptimeNanoseconds(0)

  mutating func append(_ content: Content, at now: NIODeadline) {
    if case .bytes(let bytes) = content { byteCount += bytes.readableBytes }
    items.append((content, now))
  }

  /// Forgets the bytes; an end or a reset stays.
  mutating func dropBytes() {
    items.removeAll { if case .bytes = $0.content { true } else { false } }
    byteCount = 0
  }

  /// What is to be done at `now`; nil if nothing is held.
  mutating func next(at now: NIODeadline, pace: FaultProxy.Pace) -> Step? {
    guard let (content, arrival) = items.first else { return nil }
    let due = arrival + TimeAmount(pace.delay)
    guard due <= now else { return .wait(until: due) }
    guard case .bytes(var bytes) = content else {
      items.removeFirst()
      return .forward(content)
    }
    guard let rate = pace.bytesPerSecond else {
      items.removeFirst()
      byteCount -= bytes.readableBytes
      return .forward(content)
    }
    guard nextSlice <= now else { return .wait(until: nextSlice) }
    let nanosecondsPerByte = max(1, 1_000_000_000 / Int64(rate))
    let allowed = max(1, Int(Self.slice.nanoseconds / nanosecondsPerByte))
    guard let part = bytes.readSlice(length: min(allowed, bytes.readableBytes)) else { return nil }
    nextSlice =
      max(nextSlice, now - Self.catchUp)
      + .nanoseconds(nanosecondsPerByte * Int64(part.readableBytes))
    byteCount -= part.readableBytes
    if bytes.readableBytes == 0 {
      items.removeFirst()
    } else {
      items[items.startIndex].content = .bytes(bytes)
    }
    return .forward(.bytes(part))
  }
}
