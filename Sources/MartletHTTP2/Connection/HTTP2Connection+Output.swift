internal import NIOCore

extension HTTP2Connection {
  /// More than frames' headers and a few control frames need.
  private static let roomForControl = 256
  private static let roomForFrames = 4_096

  /// Sends at the end of this turn of the loop.
  func scheduleFlush() {
    // What is submitted during a read leaves when the channel has delivered all it read.
    guard phase == .open, !isReceiving, !flushIsScheduled else { return }
    flushIsScheduled = true
    execute { self.flush() }
  }

  /// Sends what there is, up to ``HTTP2Configuration/maximumUnwrittenBytes``, in one write.
  func flush() {
    flushIsScheduled = false
    guard phase == .open, !isSending, let context else { return }
    guard !hasSentEnough else {
      isHeldBack = true
      return
    }
    isSending = true
    let room = min(pendingBytes, configuration.maximumUnwrittenBytes)
    batch.reserve(
      room > 0 ? room + Self.roomForFrames : Self.roomForControl, context.channel.allocator)
    do throws(HTTP2SessionError) {
      try session.send()
    } catch {
      isSending = false
      batch = OutputBatch()
      return fail(violation ?? error.code)
    }
    isSending = false
    // A delegate that was told of an end may have ended the connection.
    guard phase == .open else {
      batch = OutputBatch()
      return
    }
    isHeldBack = hasSentEnough
    let output = batch
    batch = OutputBatch()
    write(output)
    tellDrained()
    guard phase == .open else { return }
    if session.isFinished || hasDrained { return finish() }
    // The channel has written at once: go on, after others had their turn.
    if isHeldBack, !hasSentEnough { scheduleFlush() }
    armStallTimer()
  }

  /// Whether a graceful end is carried out. nghttp2 would wait for half a request for ever.
  private var hasDrained: Bool {
    drain == .final && streams.isEmpty && waiting.isEmpty && !isHeldBack
  }

  func write(_ output: OutputBatch) {
    guard let context, !output.isEmpty else { return }
    let count = output.count
    unwritten += count
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { _ in self.written(count) }
    let pieces = output.pieces()
    for piece in pieces.dropLast() { context.write(NIOAny(piece), promise: nil) }
    for piece in pieces.suffix(1) { context.write(NIOAny(piece), promise: written) }
    context.flush()
  }

  private func written(_ count: Int) {
    unwritten -= count
    unwrittenSince = nil
    switch phase {
    case .open: if isHeldBack { scheduleFlush() }
    case .closing: if unwritten == 0, closeTimer != nil { abort() }
    case .idle, .closed: break
    }
  }

  private func tellDrained() {
    guard !drained.isEmpty else { return }
    let streams = drained
    drained = []
    for stream in streams where stream.canWrite { stream.delegate?.drained() }
  }
}
