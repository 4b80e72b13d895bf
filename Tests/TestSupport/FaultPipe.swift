internal import NIOCore
internal import Synchronization

/// One direction of a ``FaultProxy`` connection. Confined to the proxy's event loop.
///
/// It asks its source for bytes only while it holds few, so that a slow or stopped direction is felt
/// by the sender.
final class FaultPipe {
  /// What becomes of what arrives.
  enum Flow {
    case pass
    case drop
    case hold
  }

  /// Asks for no further bytes while it holds as many.
  static let maximumHeldBytes = 262_144

  /// Where bytes come from and go to; nil before the connection and when it is gone.
  var source: (any Channel)?
  var sink: (any Channel)?
  /// A reset of the source has reached the end of the pipe.
  var onReset: () -> Void = {}
  private(set) var flow = Flow.pass
  private var pace = FaultProxy.Pace()
  private var queue = FaultQueue()
  private let eventLoop: any EventLoop
  private let counts: FaultListener.Counts
  private var wakeUp: Scheduled<Void>?

  init(_ eventLoop: any EventLoop, _ counts: FaultListener.Counts) {
    self.eventLoop = eventLoop
    self.counts = counts
  }

  func set(_ flow: Flow, _ pace: FaultProxy.Pace) {
    self.flow = flow
    self.pace = pace
    if flow == .drop {
      counts.droppedBytes.add(queue.byteCount, ordering: .relaxed)
      queue.dropBytes()
    }
    pump()
  }

  /// The source has sent `content`.
  func received(_ content: FaultQueue.Content) {
    // An end is held even while bytes are dropped: its repetition would arrive at last.
    if case .bytes(let bytes) = content, flow == .drop {
      counts.droppedBytes.add(bytes.readableBytes, ordering: .relaxed)
      return
    }
    queue.append(content, at: .now())
    pump()
  }

  /// Sends on what may go, and asks for more.
  func pump() {
    wakeUp?.cancel()
    wakeUp = nil
    // A sink that is full calls again when it is not.
    while flow == .pass, let sink, sink.isWritable,
      let step = queue.next(at: .now(), pace: pace)
    {
      switch step {
      case .forward(.bytes(let bytes)): sink.writeAndFlush(bytes, promise: nil)
      case .forward(.end):
        // A close would overtake bytes that wait in the channel.
        sink.writeAndFlush(ByteBuffer()).whenComplete { _ in
          sink.close(mode: .output, promise: nil)
        }
      case .forward(.reset): return onReset()
      case .wait(let deadline):
        wakeUp = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.pump() }
        return pull()
      }
    }
    pull()
  }

  /// Asks for more bytes unless enough are held.
  func pull() {
    if queue.byteCount < Self.maximumHeldBytes { source?.read() }
  }

  /// Sends nothing on any more.
  func stop() {
    wakeUp?.cancel()
    wakeUp = nil
    source = nil
    sink = nil
  }
}
