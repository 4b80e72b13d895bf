internal import NIOCore

/// Closes a channel once its last bytes have left, or when that takes too long, and tells all who wanted
/// it closed. Exists from the beginning of the close to the end of the channel; confined to its event loop.
final class ChannelCloser {
  private let context: ChannelHandlerContext
  private let closed: EventLoopPromise<Void>
  private var deadline: Scheduled<Void>?
  private var isClosing = false
  private var isComplete = false

  init(_ context: ChannelHandlerContext) {
    self.context = context
    closed = context.eventLoop.makePromise()
  }

  /// `promise` completes when the channel is closed.
  func join(_ promise: EventLoopPromise<Void>?) {
    closed.futureResult.cascade(to: promise)
  }

  /// Closes when `sent` has completed, whatever its result, and `limit` from now at the latest.
  func close(after sent: EventLoopFuture<Void>, within limit: TimeAmount) {
    sent.assumeIsolated().whenComplete { _ in self.closeChannel() }
    guard !isClosing, !isComplete else { return }
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { self.closeChannel() }
  }

  /// The channel has closed, by this or by the transport's end.
  func channelClosed() {
    complete(.success(()))
  }

  private func closeChannel() {
    guard !isClosing, !isComplete else { return }
    isClosing = true
    deadline?.cancel()
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenComplete { result in
      // The transport may have ended by itself.
      if case .failure(ChannelError.alreadyClosed) = result { return self.complete(.success(())) }
      self.complete(result)
    }
    context.close(mode: .all, promise: promise)
  }

  private func complete(_ result: Result<Void, any Error>) {
    guard !isComplete else { return }
    isComplete = true
    deadline?.cancel()
    closed.completeWith(result)
  }
}
