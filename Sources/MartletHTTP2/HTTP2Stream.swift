package import NIOCore
package import NIOHTTP1

/// One stream of an HTTP/2 connection: a request and its response, or a WebSocket (RFC 8441).
///
/// An object instead of a channel. What is sent waits here until the peer's windows and the connection's
/// socket take it, so a peer that does not read one stream holds up no other.
///
/// Whatever is called after the end of the stream, or of this side of it, does nothing: the peer may
/// end it at any time. Confined to the connection's event loop.
package final class HTTP2Stream {
  /// 0 as long as a request waits to be sent.
  package internal(set) var id: Int32
  /// Released when the stream is over.
  package var delegate: (any HTTP2StreamDelegate)?
  /// Since when the peer has taken none of the pending bytes, as far as has been noticed: see
  /// ``HTTP2Configuration/stallTimeout``.
  package internal(set) var stalledSince: NIODeadline?

  /// Nil when the stream is over.
  private(set) var connection: HTTP2Connection?
  /// What the stream is over for, if that is decided and not yet carried out.
  private(set) var intendedClosure: HTTP2StreamClosure?

  private var output = OutboundQueue()
  /// The head of what this side sends is on its way.
  private(set) var hasSentHead: Bool
  /// Nothing more will be written.
  private(set) var isEnding = false
  private(set) var discardsInput = false
  /// nghttp2 does not ask for data until it is told that there is some.
  private var isDeferred = false

  private var isReading = true
  /// What has come while nobody reads; never more than the stream's window.
  private var heldInput: ByteBuffer?
  private var holdsEnd = false
  private(set) var hasReceivedEnd = false
  private var deliveryIsScheduled = false
  var wasResetByPeer = false

  /// A stream that the peer has opened.
  init(id: Int32, on connection: HTTP2Connection) {
    self.id = id
    self.connection = connection
    hasSentHead = false
  }

  /// A stream that this side will open with `head`.
  init(_ head: HTTP2RequestHead, on connection: HTTP2Connection) {
    id = 0
    self.connection = connection
    hasSentHead = true
    isEnding = head.endStream
  }

  /// Whether the stream is neither over nor about to be.
  package var isOpen: Bool { connection != nil && intendedClosure == nil }

  /// Whether ``write(_:)`` would send something, now or later.
  package var canWrite: Bool { isOpen && hasSentHead && !isEnding }

  /// Bytes that were written and are not yet given to the channel.
  package var pendingBytes: Int { output.count }

  /// The peer of the connection; nil when the stream is over.
  package var remoteAddress: SocketAddress? { connection?.remoteAddress }

  // MARK: Sending

  /// Answers the request. Fields that belong to HTTP/1.1 connections are left out.
  ///
  /// - Parameters:
  ///   - status: final: not 1xx.
  ///   - endStream: the response has no body.
  package func respond(
    status: HTTPResponseStatus, headers: HTTPHeaders = [:], endStream: Bool = false
  ) {
    precondition(status.code >= 200, "an interim response is none")
    guard isOpen, let connection else { return }
    precondition(!hasSentHead, "one response to a request")
    hasSentHead = true
    isEnding = endStream
    connection.respond(status, headers, endStream: endStream, on: self)
  }

  /// Sends `bytes` after all that was written before.
  package func write(_ bytes: ByteBuffer) {
    precondition(hasSentHead || !isOpen, "bytes follow a head")
    guard canWrite, bytes.readableBytes > 0, let connection else { return }
    output.append(bytes)
    connection.added(bytes.readableBytes, isDeferred: isDeferred, on: self)
    isDeferred = false
  }

  /// Ends this side of the stream after what was written.
  ///
  /// - Parameter discardingInput: the peer need not send the rest of its request: the stream is over
  ///   when this side's end has left (RFC 9113 §8.1).
  package func end(discardingInput: Bool = false) {
    guard isOpen, let connection else { return }
    if discardingInput { discardsInput = true }
    guard canWrite else { return }
    isEnding = true
    connection.added(0, isDeferred: isDeferred, on: self)
    isDeferred = false
  }

  /// Ends the stream at once; what is pending is dropped. `closed` comes when the peer is being told.
  package func reset(_ code: HTTP2ErrorCode = .cancel) {
    close(.resetHere(code), code)
  }

  func closeAsStalled() {
    close(.stalled, .cancel)
  }

  private func close(_ reason: HTTP2StreamClosure, _ code: HTTP2ErrorCode) {
    guard isOpen, let connection else { return }
    intendedClosure = reason
    connection.reset(self, code)
  }

  // MARK: Receiving

  /// Stops or resumes reading. Meanwhile `received` and `receivedEnd` do not come, and the peer may
  /// send no more than its window has left; what arrives waits here.
  package func setReading(_ isReading: Bool) {
    self.isReading = isReading
    guard isReading, heldInput != nil || holdsEnd, !deliveryIsScheduled, let connection else {
      return
    }
    // Not at once: the reader may be in the middle of what it got before.
    deliveryIsScheduled = true
    connection.execute {
      self.deliveryIsScheduled = false
      if self.isReading { self.deliverHeld() }
    }
  }

  private func deliverHeld() {
    if let bytes = heldInput {
      heldInput = nil
      deliver(bytes)
    }
    // The reader may have stopped again.
    if holdsEnd, isReading || connection == nil, heldInput == nil {
      holdsEnd = false
      delegate?.receivedEnd()
    }
  }

  private func deliver(_ bytes: ByteBuffer) {
    delegate?.received(bytes)
    connection?.consume(bytes.readableBytes, of: self)
  }

  // MARK: Called by the connection

  /// The first delegate of a stream that the peer has opened, which may be over already.
  func attach(_ delegate: any HTTP2StreamDelegate) {
    guard connection != nil else { return delegate.closed(.connectionClosed(nil)) }
    self.delegate = delegate
  }

  func receive(_ bytes: ByteBuffer) {
    // Its owner wants nothing any more.
    guard isOpen, !discardsInput else { return }
    if isReading, heldInput == nil {
      deliver(bytes)
    } else {
      // A copy: one byte would keep all that came with it in one read.
      var held = heldInput.take() ?? ByteBuffer()
      held.writeImmutableBuffer(bytes)
      heldInput = held
    }
  }

  func receiveEnd() {
    guard isOpen, !discardsInput, !hasReceivedEnd else { return }
    hasReceivedEnd = true
    if isReading, heldInput == nil { delegate?.receivedEnd() } else { holdsEnd = true }
  }

  /// What can be sent next; see ``HTTP2SessionEvents/nextData(on:limit:)``.
  func nextData(limit: Int) -> NextData {
    let count = min(limit, output.count)
    guard count > 0 || isEnding else {
      isDeferred = true
      return .later
    }
    return .now(count, isLast: isEnding && count == output.count)
  }

  func move(_ count: Int, to batch: inout OutputBatch) {
    output.move(count, to: &batch)
    stalledSince = nil
  }

  func dropOutput() {
    output.removeAll()
  }

  /// The stream is over: tells the delegate, once.
  func finish(_ reason: HTTP2StreamClosure) {
    guard connection != nil else { return }
    connection = nil
    output.removeAll()
    // Nothing is lost that the peer sent before it ended in order.
    if reason == .finished { deliverHeld() }
    heldInput = nil
    delegate?.closed(reason)
    delegate = nil
  }
}
