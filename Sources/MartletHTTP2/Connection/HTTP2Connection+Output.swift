internal import NIOCore

extension HTTP2Connection {
  /// Beside the streams' bytes, for the headers of frames.
  private static let roomForHeaders = 4_096

  /// Sends at the end of this turn of the loop.
  func scheduleFlush() {
    guard phase == .open else { return }
    needsFlush = true
    guard !flushIsScheduled else { return }
    flushIsScheduled = true
    execute {
      self.flushIsScheduled = false
      if self.needsFlush { self.flush() }
    }
  }

  /// Sends what there is, up to ``HTTP2Configuration/maximumUnwrittenBytes``, in one write.
  func flush() {
    needsFlush = false
    guard phase == .open, !isSending, let context else { return }
    guard !hasSentEnough else {
      isHeldBack = true
      return
    }
    isSending = true
    if pendingBytes > 0 {
      let room = min(pendingBytes, configuration.maximumUnwrittenBytes) + Self.roomForHeaders
      batch.reserve(room, context.channel.allocator)
    }
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
