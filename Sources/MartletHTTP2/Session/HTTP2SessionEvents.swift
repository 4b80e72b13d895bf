/// What a session tells while it takes bytes or gives them.
///
/// nghttp2 is in the middle of its work during these calls. It allows to submit frames, to resume
/// streams and to consume bytes then; it forbids to receive, to send and to free the session.
protocol HTTP2SessionEvents: AnyObject {
  func headersBegan()
  /// A field; false: nothing more is to be read from this peer.
  func headerReceived(name: String, value: String) -> Bool
  /// A whole frame other than CONTINUATION and unknown ones; false as above.
  func frameReceived(_ frame: ReceivedFrame, on streamID: Int32) -> Bool
  /// Bytes of a stream, by their place in what the session is receiving.
  func dataReceived(on streamID: Int32, offset: Int, count: Int)
  func streamClosed(_ streamID: Int32, _ code: HTTP2ErrorCode)
  /// A frame has left; false: nothing more is to be sent.
  func frameSent(_ frame: SentFrame, on streamID: Int32) -> Bool
  /// What a stream has to send, at most `limit` bytes of it.
  func nextData(on streamID: Int32, limit: Int) -> NextData
  /// Takes a frame other than DATA.
  func send(_ frame: UnsafeRawBufferPointer)
  /// Takes the header of a DATA frame, and adds `count` bytes of the stream to it.
  ///
  /// - Returns: whether to go on with further frames.
  func sendData(header: UnsafeRawBufferPointer, count: Int, on streamID: Int32) -> Bool
  /// Whether so much has been taken that the session should stop.
  var hasSentEnough: Bool { get }
}

/// What matters of a frame that came.
enum ReceivedFrame: Equatable {
  enum HeaderKind: Equatable {
    case request
    case response
    /// Trailers, or a response after an interim one.
    case further
  }

  /// `count` is without padding.
  case data(count: Int, endStream: Bool)
  case headers(HeaderKind, endStream: Bool)
  case reset(HTTP2ErrorCode)
  case settings(isAcknowledgement: Bool)
  case ping(UInt64, isAcknowledgement: Bool)
  case goAway(lastStreamID: Int32, HTTP2ErrorCode)
  case windowUpdate
  case other
}

/// What matters of a frame that left.
enum SentFrame: Equatable {
  case data(endStream: Bool)
  case headers(endStream: Bool)
  case reset
  case goAway(HTTP2ErrorCode)
  case other
}

/// What a stream has to send.
enum NextData: Equatable {
  /// Nothing until ``HTTP2Session/resume(_:)``.
  case later
  /// So many bytes, maybe none; `isLast`: and the end of the stream with them.
  case now(Int, isLast: Bool)
}
