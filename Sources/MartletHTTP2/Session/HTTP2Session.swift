internal import CNghttp2
internal import NIOCore
internal import NIOHTTP1

/// One side of one HTTP/2 connection, without its transport: one owner of an `nghttp2_session`.
///
/// What comes in and what is to be sent is told to ``events`` during ``receive(_:)`` and ``send()``,
/// which must not be called from there. Everything else may. Confined to one event loop.
@safe final class HTTP2Session {
  enum Role { case server, client }

  /// Our own limit of resets is stricter and ends with the right code.
  private static let unlimited = UInt64.max >> 1

  private let session: OpaquePointer
  /// Owns the session.
  private unowned let events: any HTTP2SessionEvents
  /// Where the bytes begin that are being received.
  private var inputStart: UnsafePointer<UInt8>?

  init(_ role: Role, _ configuration: HTTP2Configuration, _ events: any HTTP2SessionEvents) {
    self.events = events
    var option: OpaquePointer?
    _ = unsafe HTTP2SessionError.succeeded(nghttp2_option_new(&option))
    defer { unsafe nghttp2_option_del(option) }
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    unsafe nghttp2_option_set_no_closed_streams(option, 1)
    unsafe nghttp2_option_set_max_outbound_ack(option, configuration.maximumQueuedAcknowledgements)
    unsafe nghttp2_option_set_stream_reset_rate_limit(option, Self.unlimited, Self.unlimited)
    var session: OpaquePointer?
    let create =
      switch role {
      case .server: unsafe nghttp2_session_server_new2
      case .client: unsafe nghttp2_session_client_new2
      }
    let status = unsafe create(&session, SessionCallbacks.shared, nil, option)
    guard HTTP2SessionError.succeeded(status), let session = unsafe session else {
      preconditionFailure("an HTTP/2 session could not be created: \(status)")
    }
    unsafe self.session = unsafe session
    unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    unsafe nghttp2_session_del(session)
  }

  // MARK: Bytes

  /// Takes all of `bytes`.
  ///
  /// - Throws: if the connection cannot go on; the session may not be used any more then.
  func receive(_ bytes: ByteBuffer) throws(HTTP2SessionError) {
    precondition(unsafe inputStart == nil, "a session does not receive while it receives")
    let status = unsafe bytes.withUnsafeReadableBytes { bytes in
      unsafe inputStart = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      defer { unsafe inputStart = nil }
      return unsafe nghttp2_session_mem_recv(session, inputStart, bytes.count)
    }
    if status < 0 { throw HTTP2SessionError(status: Int32(status)) }
  }

  /// Gives frames until there are none or ``HTTP2SessionEvents/hasSentEnough``.
  ///
  /// - Throws: as ``receive(_:)``.
  func send() throws(HTTP2SessionError) {
    while !events.hasSentEnough {
      var frame: UnsafePointer<UInt8>?
      let count = unsafe nghttp2_session_mem_send(session, &frame)
      if count < 0 { throw HTTP2SessionError(status: Int32(count)) }
      guard count > 0 else { return }
      unsafe events.send(UnsafeRawBufferPointer(start: frame, count: count))
    }
  }

  /// Whether there is nothing more to be received or sent, and the connection should end.
  var isFinished: Bool {
    unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  // MARK: The connection

  /// Tells the peer this side's settings (RFC 9113 §6.5.2), and widens the connection's window.
  func submit(_ settings: [(HTTP2Setting, Int)], connectionWindow: Int) {
    let entries = settings.map { setting, value in
      nghttp2_settings_entry(settings_id: setting.rawValue, value: UInt32(value))
    }
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_submit_settings(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_session_set_local_window_size(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(connectionWindow)))
  }

  /// Whether the peer's settings allow an extended CONNECT (RFC 8441 §3).
  var allowsExtendedConnect: Bool {
    unsafe nghttp2_session_get_remote_settings(
      session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
  }

  /// How many streams of this side the peer allows at a time.
  var peerStreamLimit: Int {
    unsafe Int(
      nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  /// The first GOAWAY of a graceful end: no stream is refused yet (RFC 9113 §6.8).
  func submitShutdownNotice() {
    _ = unsafe HTTP2SessionError.succeeded(nghttp2_submit_shutdown_notice(session))
  }

  /// A GOAWAY after which further streams of the peer are ignored.
  func submitGoAway(_ code: HTTP2ErrorCode) {
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_submit_goaway(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), lastProcessedStreamID, code.rawValue, nil, 0))
  }

  /// The last stream of the peer that has been told to ``events``.
  var lastProcessedStreamID: Int32 {
    unsafe nghttp2_session_get_last_proc_stream_id(session)
  }

  func submitPing(_ payload: UInt64) {
    unsafe withUnsafeBytes(of: payload.bigEndian) { payload in
      _ = unsafe HTTP2SessionError.succeeded(
        nghttp2_submit_ping(
          session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
          payload.baseAddress?.assumingMemoryBound(to: UInt8.self)))
    }
  }

  /// Bytes of DATA have been taken from the connection.
  func consume(_ count: Int) {
    _ = unsafe HTTP2SessionError.succeeded(nghttp2_session_consume_connection(session, count))
  }

  // MARK: Streams

  /// Opens a stream; nil if there can be no more on this connection.
  func submit(_ head: HTTP2RequestHead) -> Int32? {
    var fields = FieldList(head)
    let streamID = unsafe fields.withFields { pointer, count in
      unsafe withBody(!head.endStream) {
        unsafe nghttp2_submit_request(session, nil, pointer, count, $0, nil)
      }
    }
    return HTTP2SessionError.succeeded(streamID) ? streamID : nil
  }

  func submit(
    status: HTTPResponseStatus, _ headers: HTTPHeaders, endStream: Bool, on streamID: Int32
  ) {
    var fields = FieldList(status: status, headers)
    let status = unsafe fields.withFields { pointer, count in
      unsafe withBody(!endStream) {
        unsafe nghttp2_submit_response(session, streamID, pointer, count, $0)
      }
    }
    _ = HTTP2SessionError.succeeded(status)
  }

  private func withBody(
    _ hasBody: Bool, _ body: (UnsafePointer<nghttp2_data_provider>?) -> Int32
  ) -> Int32 {
    guard hasBody else { return body(nil) }
    var provider = unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: nil), read_callback: SessionCallbacks.readData)
    return unsafe body(&provider)
  }

  /// The stream has something to send, after ``NextData/later``.
  func resume(_ streamID: Int32) {
    _ = unsafe HTTP2SessionError.succeeded(nghttp2_session_resume_data(session, streamID))
  }

  func submitReset(_ code: HTTP2ErrorCode, on streamID: Int32) {
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_submit_rst_stream(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streamID, code.rawValue))
  }

  /// The reader of the stream has taken bytes: the peer may send as many more.
  func consume(_ count: Int, on streamID: Int32) {
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_session_consume_stream(session, streamID, count))
  }

  /// Streams that have bytes to send take turns, whatever the client wishes: by default one would be
  /// served to its end before the next (RFC 9218 §10), and a WebSocket has no end.
  func makeFair(_ streamID: Int32) {
    var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
    _ = unsafe HTTP2SessionError.succeeded(
      nghttp2_session_change_extpri_stream_priority(session, streamID, &priority, 1))
  }

  // MARK: Called by nghttp2

  func headersBegan() {
    events.headersBegan()
  }

  func headerReceived(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) -> Int32 {
    let goesOn = unsafe events.headerReceived(
      name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
    return Self.status(goesOn)
  }

  func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
    let streamID = unsafe frame.pointee.hd.stream_id
    return unsafe Self.status(events.frameReceived(ReceivedFrame(frame.pointee), on: streamID))
  }

  func dataReceived(
    _ streamID: Int32, _ bytes: UnsafePointer<UInt8>, _ count: Int
  ) {
    guard let start = unsafe inputStart else { return }
    events.dataReceived(on: streamID, offset: unsafe bytes - start, count: count)
  }

  func streamClosed(_ streamID: Int32, _ code: UInt32) {
    events.streamClosed(streamID, HTTP2ErrorCode(rawValue: code))
  }

  func frameSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
    let streamID = unsafe frame.pointee.hd.stream_id
    return unsafe Self.status(events.frameSent(SentFrame(frame.pointee), on: streamID))
  }

  func nextData(
    _ streamID: Int32, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>
  ) -> Int {
    switch events.nextData(on: streamID, limit: limit) {
    case .later: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    case .now(let count, let isLast):
      unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
      if isLast { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
      return count
    }
  }

  func sendData(
    _ streamID: Int32, _ header: UnsafePointer<UInt8>, _ count: Int
  ) -> Int32 {
    let header = unsafe UnsafeRawBufferPointer(start: header, count: SessionCallbacks.headerLength)
    let goesOn = unsafe events.sendData(header: header, count: count, on: streamID)
    return goesOn ? 0 : NGHTTP2_ERR_PAUSE.rawValue
  }

  private static func status(_ goesOn: Bool) -> Int32 {
    goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }
}
