internal import CNghttp2

extension ReceivedFrame {
  init(_ frame: nghttp2_frame) {
    let header = unsafe frame.hd
    let endsStream = header.has(NGHTTP2_FLAG_END_STREAM)
    let isAcknowledgement = header.has(NGHTTP2_FLAG_ACK)
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue:
      self = .data(count: unsafe header.length - frame.data.padlen, endStream: endsStream)
    case NGHTTP2_HEADERS.rawValue:
      let kind: HeaderKind =
        switch unsafe frame.headers.cat {
        case NGHTTP2_HCAT_REQUEST: .request
        case NGHTTP2_HCAT_RESPONSE: .response
        default: .further
        }
      self = .headers(kind, endStream: endsStream)
    case NGHTTP2_RST_STREAM.rawValue:
      self = .reset(HTTP2ErrorCode(rawValue: unsafe frame.rst_stream.error_code))
    case NGHTTP2_SETTINGS.rawValue:
      self = .settings(isAcknowledgement: isAcknowledgement)
    case NGHTTP2_PING.rawValue:
      let payload = unsafe withUnsafeBytes(of: frame.ping.opaque_data) {
        unsafe UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self))
      }
      self = .ping(payload, isAcknowledgement: isAcknowledgement)
    case NGHTTP2_GOAWAY.rawValue:
      self = .goAway(
        lastStreamID: unsafe frame.goaway.last_stream_id,
        HTTP2ErrorCode(rawValue: unsafe frame.goaway.error_code))
    case NGHTTP2_WINDOW_UPDATE.rawValue:
      self = .windowUpdate
    default:
      self = .other
    }
  }
}

extension SentFrame {
  init(_ frame: nghttp2_frame) {
    let header = unsafe frame.hd
    let endsStream = header.has(NGHTTP2_FLAG_END_STREAM)
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue: self = .data(endStream: endsStream)
    case NGHTTP2_HEADERS.rawValue: self = .headers(endStream: endsStream)
    case NGHTTP2_RST_STREAM.rawValue: self = .reset
    case NGHTTP2_GOAWAY.rawValue:
      self = .goAway(HTTP2ErrorCode(rawValue: unsafe frame.goaway.error_code))
    default: self = .other
    }
  }
}

extension nghttp2_frame_hd {
  fileprivate func has(_ flag: nghttp2_flag) -> Bool {
    UInt32(flags) & flag.rawValue != 0
  }
}
