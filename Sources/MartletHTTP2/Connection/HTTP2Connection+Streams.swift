internal import NIOCore
internal import NIOHTTP1

extension HTTP2Connection {
  // MARK: Requests

  func accept(_ block: HeaderAssembly, _ streamID: Int32, endStream: Bool) {
    guard case .server(let accept) = role, phase == .open else { return }
    let request = block.request(endStream: endStream)
    guard request != .malformed else { return session.submitReset(.protocolError, on: streamID) }
    session.makeFair(streamID)
    let stream = HTTP2Stream(id: streamID, on: self)
    streams[streamID] = stream
    idleSince = nil
    hasHadRequest = true
    if case .head(let head) = request {
      if let delegate = accept(stream, head) {
        stream.attach(delegate)
      } else if stream.isOpen {
        dismiss(stream)
      }
    } else {
      stream.respond(status: .requestHeaderFieldsTooLarge, endStream: true)
      stream.end(discardingInput: true)
    }
    if endStream { stream.receiveEnd() }
  }

  /// Nobody takes what the stream brings.
  private func dismiss(_ stream: HTTP2Stream) {
    if stream.hasSentHead {
      stream.end(discardingInput: true)
    } else {
      stream.reset(.refusedStream)
    }
  }

  func respond(
    _ status: HTTPResponseStatus, _ headers: HTTPHeaders, endStream: Bool, on stream: HTTP2Stream
  ) {
    session.submit(status: status, headers, endStream: endStream, on: stream.id)
    scheduleFlush()
  }

  // MARK: Responses

  /// Opens a stream as soon as the channel and the server allow it.
  func request(
    _ head: HTTP2RequestHead, _ delegate: (any HTTP2ClientStreamDelegate)?
  ) -> HTTP2Stream {
    let stream = HTTP2Stream(head, on: self)
    stream.delegate = delegate
    waiting.append((stream, head))
    if phase == .open {
      sendWaiting()
    } else if phase != .idle {
      // Not yet: the caller does not have the stream.
      execute {
        self.waiting.removeAll { $0.stream === stream }
        stream.finish(.refused)
      }
    }
    return stream
  }

  func sendWaiting() {
    let requests = waiting
    waiting = []
    for (stream, head) in requests where stream.connection != nil {
      if head.protocol != nil, !hasPeerSettings {
        waiting.append((stream, head))
      } else if head.protocol != nil, !session.allowsExtendedConnect {
        execute { stream.finish(.unsupported) }
      } else if stream.intendedClosure == nil, let id = session.submit(head) {
        stream.id = id
        streams[id] = stream
        pendingBytes += stream.pendingBytes
        idleSince = nil
        scheduleFlush()
      } else {
        execute { stream.finish(stream.intendedClosure ?? .refused) }
      }
    }
  }

  func receivedSettings() {
    guard !isServer, !hasPeerSettings else { return }
    hasPeerSettings = true
    // nghttp2 has applied them before it tells.
    sendWaiting()
    settingsReceived?()
  }

  func receiveResponse(_ block: HeaderAssembly, _ streamID: Int32, endStream: Bool) {
    guard let stream = streams[streamID] else { return }
    guard let head = block.response(endStream: endStream) else { return stream.reset() }
    (stream.delegate as? any HTTP2ClientStreamDelegate)?.received(head)
    if endStream { stream.receiveEnd() }
  }

  // MARK: Called by streams

  /// `count` bytes, or the end, have been added to what the stream has to send.
  func added(_ count: Int, isDeferred: Bool, on stream: HTTP2Stream) {
    guard stream.id != 0 else { return }
    pendingBytes += count
    if isDeferred { session.resume(stream.id) }
    scheduleFlush()
  }

  func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard stream.id != 0 else {
      // It waits; see `sendWaiting`.
      return execute {
        self.waiting.removeAll { $0.stream === stream }
        stream.finish(.resetHere(code))
      }
    }
    pendingBytes -= stream.pendingBytes
    stream.dropOutput()
    session.submitReset(code, on: stream.id)
    scheduleFlush()
  }

  func consume(_ count: Int, of stream: HTTP2Stream) {
    session.consume(count, on: stream.id)
    // A window grows only now and then, but only nghttp2 knows when.
    scheduleFlush()
  }
}
