internal import CNghttp2

/// The functions that nghttp2 calls. Each recovers the session and calls one method of it.
enum SessionCallbacks {
  /// Of a frame (RFC 9113 §4.1).
  static let headerLength = 9

  /// Never freed: every session copies them.
  nonisolated(unsafe) static let shared: OpaquePointer? = {
    var callbacks: OpaquePointer?
    _ = unsafe HTTP2SessionError.succeeded(nghttp2_session_callbacks_new(&callbacks))
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, onInvalidHeader)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrameReceived)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onDataChunk)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onStreamClose)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, onFrameSent)
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, onSendData)
    return unsafe callbacks
  }()

  static let readData: nghttp2_data_source_read_callback = unsafe onReadData
}

private func owner(_ userData: UnsafeMutableRawPointer?) -> HTTP2Session? {
  guard let userData = unsafe userData else { return nil }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(userData).takeUnretainedValue()
}

private func onBeginHeaders(
  _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
  _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe owner(userData)?.headersBegan()
  return 0
}

private func onHeader(
  _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
  _ name: UnsafePointer<UInt8>?, _ nameLength: Int, _ value: UnsafePointer<UInt8>?,
  _ valueLength: Int, _ flags: UInt8, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe owner(userData)?.headerReceived(
    UnsafeBufferPointer(start: name, count: nameLength),
    UnsafeBufferPointer(start: value, count: valueLength)) ?? 0
}

/// nghttp2 would leave the field out; it makes the message malformed (RFC 9113 §8.2.1).
private func onInvalidHeader(
  _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
  _ name: UnsafePointer<UInt8>?, _ nameLength: Int, _ value: UnsafePointer<UInt8>?,
  _ valueLength: Int, _ flags: UInt8, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}

private func onFrameReceived(
  _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
  _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame else { return 0 }
  return unsafe owner(userData)?.frameReceived(frame) ?? 0
}

private func onDataChunk(
  _ session: OpaquePointer?, _ flags: UInt8, _ streamID: Int32,
  _ bytes: UnsafePointer<UInt8>?, _ count: Int, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  guard let bytes = unsafe bytes else { return 0 }
  unsafe owner(userData)?.dataReceived(streamID, bytes, count)
  return 0
}

private func onStreamClose(
  _ session: OpaquePointer?, _ streamID: Int32, _ code: UInt32,
  _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe owner(userData)?.streamClosed(streamID, code)
  return 0
}

private func onFrameSent(
  _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?,
  _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame else { return 0 }
  return unsafe owner(userData)?.frameSent(frame) ?? 0
}

private func onReadData(
  _ session: OpaquePointer?, _ streamID: Int32, _ buffer: UnsafeMutablePointer<UInt8>?,
  _ length: Int, _ flags: UnsafeMutablePointer<UInt32>?,
  _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ userData: UnsafeMutableRawPointer?
) -> Int {
  guard let flags = unsafe flags, let owner = unsafe owner(userData) else {
    return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  }
  return unsafe owner.nextData(streamID, length, flags)
}

private func onSendData(
  _ session: OpaquePointer?, _ frame: UnsafeMutablePointer<nghttp2_frame>?,
  _ header: UnsafePointer<UInt8>?, _ length: Int,
  _ source: UnsafeMutablePointer<nghttp2_data_source>?, _ userData: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame, let header = unsafe header, let owner = unsafe owner(userData)
  else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
  return unsafe owner.sendData(frame.pointee.hd.stream_id, header, length)
}
