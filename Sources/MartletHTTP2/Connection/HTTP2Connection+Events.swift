internal import NIOCore
internal import NIOHTTP1

extension HTTP2Connection: HTTP2SessionEvents {
  // MARK: Received

  func headersBegan() {
    headers = HeaderAssembly(limit: configuration.maximumHeaderListSize)
  }

  func headerReceived(name: String, value: String) -> Bool {
    guard headers?.add(name: name, value: value) != false else {
      violation = .enhanceYourCalm
      return false
    }
    return true
  }

  func frameReceived(_ frame: ReceivedFrame, on streamID: Int32) -> Bool {
    switch frame {
    case .data(let count, let endStream):
      if endStream { streams[streamID]?.receiveEnd() } else if count == 0 { note(.overhead) }
    case .headers(let kind, let endStream):
      let block = headers.take()
      switch kind {
      case .request: if let block { accept(block, streamID, endStream: endStream) }
      case .response: if let block { receiveResponse(block, streamID, endStream: endStream) }
      case .further:
        if let block, block.isResponse {
          receiveResponse(block, streamID, endStream: endStream)
        } else if endStream {
          // Trailers say nothing to anybody here, except that they are the end.
          streams[streamID]?.receiveEnd()
        }
      }
    case .reset:
      // RFC 9113 §8.1: a server may end every one of its responses so.
      if isServer { note(.reset) }
      streams[streamID]?.wasResetByPeer = true
    case .settings(let isAcknowledgement):
      note(.overhead)
      if !isAcknowledgement { receivedSettings() }
    case .ping(let payload, let isAcknowledgement):
      note(.overhead)
      if isAcknowledgement, payload == Self.drainPing { sendFinalGoAway() }
    case .goAway(let lastStreamID, let code):
      endCode = code
      goAwayReceived?(code, lastStreamID)
    case .windowUpdate: note(.windowUpdate)
    case .other: note(.overhead)
    }
    return phase == .open && violation == nil
  }

  private func note(_ event: FloodGuard.Event) {
    if !flood.allows(event, at: now) { violation = .enhanceYourCalm }
  }

  func dataReceived(on streamID: Int32, offset: Int, count: Int) {
    // Whether or not anybody reads the stream, its siblings go on; its own window bounds it.
    session.consume(count)
    guard let bytes = input.getSlice(at: input.readerIndex + offset, length: count) else { return }
    streams[streamID]?.receive(bytes)
  }

  func streamClosed(_ streamID: Int32, _ code: HTTP2ErrorCode) {
    guard let stream = streams.removeValue(forKey: streamID) else { return }
    pendingBytes -= stream.pendingBytes
    if streams.isEmpty { becomeIdle() }
    stream.finish(reason(of: stream, code))
  }

  private func reason(of stream: HTTP2Stream, _ code: HTTP2ErrorCode) -> HTTP2StreamClosure {
    if let intended = stream.intendedClosure { return intended }
    if !isServer, code == .refusedStream { return .refused }
    if stream.wasResetByPeer { return .resetByPeer(code) }
    return code == .noError ? .finished : .resetHere(code)
  }

  // MARK: Sent

  var hasSentEnough: Bool { unwritten + batch.count >= configuration.maximumUnwrittenBytes }

  func frameSent(_ frame: SentFrame, on streamID: Int32) -> Bool {
    switch frame {
    case .data(let endStream):
      flood.sentData()
      if endStream { hasEnded(streamID) }
    case .headers(let endStream):
      if endStream { hasEnded(streamID) }
    // One that its owner wanted; otherwise the peer has broken a rule, also of streams unknown.
    case .reset where streams[streamID]?.intendedClosure != nil: break
    case .reset where streams[streamID]?.discardsInput == true: break
    case .reset: if isServer { note(.reset) }
    case .goAway(let code): if code != .noError { endCode = code }
    case .other: break
    }
    return violation == nil
  }

  private func hasEnded(_ streamID: Int32) {
    guard let stream = streams[streamID], stream.discardsInput, !stream.hasReceivedEnd else {
      return
    }
    session.submitReset(.noError, on: streamID)
  }

  func nextData(on streamID: Int32, limit: Int) -> NextData {
    streams[streamID]?.nextData(limit: limit) ?? .later
  }

  func send(_ frame: UnsafeRawBufferPointer) {
    unsafe batch.append(frame)
  }

  func sendData(header: UnsafeRawBufferPointer, count: Int, on streamID: Int32) -> Bool {
    unsafe batch.append(header)
    guard let stream = streams[streamID] else {
      preconditionFailure("data of a stream that is over")
    }
    let before = stream.pendingBytes
    stream.move(count, to: &batch)
    pendingBytes -= count
    let mark = configuration.drainedMark
    if before >= mark, before - count < mark { drained.append(stream) }
    return !hasSentEnough
  }
}
