import NIOCore

@testable import MartletHTTP2

/// Keeps what a stream tells.
final class StreamRecorder: HTTP2ClientStreamDelegate {
  private(set) var heads: [HTTP2ResponseHead] = []
  private(set) var bytes = ByteBuffer()
  private(set) var hasEnd = false
  private(set) var drains = 0
  private(set) var closures: [HTTP2StreamClosure] = []
  /// Called after something has been kept.
  var onReceived: ((ByteBuffer) -> Void)?
  var onEnd: (() -> Void)?
  var onDrained: (() -> Void)?
  var onClosed: ((HTTP2StreamClosure) -> Void)?

  var text: String { String(buffer: bytes) }
  var closure: HTTP2StreamClosure? { closures.first }

  func received(_ head: HTTP2ResponseHead) {
    heads.append(head)
  }

  func received(_ bytes: ByteBuffer) {
    precondition(closures.isEmpty && !hasEnd, "bytes after the end")
    self.bytes.writeImmutableBuffer(bytes)
    onReceived?(bytes)
  }

  func receivedEnd() {
    precondition(closures.isEmpty && !hasEnd, "a second end")
    hasEnd = true
    onEnd?()
  }

  func drained() {
    precondition(closures.isEmpty, "drained after the end")
    drains += 1
    onDrained?()
  }

  func closed(_ reason: HTTP2StreamClosure) {
    precondition(closures.isEmpty, "closed twice")
    closures.append(reason)
    onClosed?(reason)
  }
}
