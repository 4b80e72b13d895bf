internal import MartletHTTP2
internal import NIOCore

/// A stream of an HTTP/2 connection, behind the head of its response. Confined to its connection's event loop.
final class HTTP2ByteStream: ByteStream, HTTP2StreamDelegate {
  var delegate: (any ByteStreamDelegate)?
  let eventLoop: any EventLoop
  let remoteAddress: SocketAddress?
  private let stream: HTTP2Stream

  init(_ stream: HTTP2Stream, eventLoop: any EventLoop) {
    self.stream = stream
    self.eventLoop = eventLoop
    self.remoteAddress = stream.remoteAddress
  }

  var pendingBytes: Int { stream.pendingBytes }
  var ownPendingBytes: Int { 0 }

  func write(_ bytes: ByteBuffer) {
    stream.write(bytes)
  }

  func setReading(_ isReading: Bool) {
    stream.setReading(isReading)
  }

  func endOutput() {
    stream.end(discardingInput: true)
  }

  func end() {
    stream.end(discardingInput: true)
  }

  func abort() {
    stream.reset(.cancel)
  }

  // MARK: HTTP2StreamDelegate

  func received(_ bytes: ByteBuffer) {
    delegate?.received(bytes)
  }

  func receivedEnd() {
    delegate?.receivedEnd()
  }

  func closed(_ reason: HTTP2StreamClosure) {
    delegate?.closed()
    delegate = nil
  }
}
