internal import NIOHTTP1

/// Collects the fields of one header block. nghttp2 has checked each (RFC 9113 §8.2.1, §8.3); what
/// takes several of them, and the size, is checked here.
struct HeaderAssembly {
  /// What a block is found to be when it is complete.
  enum Request: Equatable {
    case head(HTTP2RequestHead)
    case tooLarge
    /// To be treated as a stream error of type PROTOCOL_ERROR (RFC 9113 §8.1.1).
    case malformed
  }

  /// Above so many times the limit a header list is an attack: a compressed block can be a
  /// thousandth of its list.
  static let excess = 4
  /// What a field counts beside its name and value (RFC 9113 §6.5.2).
  private static let fieldOverhead = 32

  private let limit: Int
  private var size = 0
  private var method = ""
  private var scheme = ""
  private var authority: String?
  private var path = ""
  private var `protocol`: String?
  private var status = ""
  private var cookie: String?
  private var headers = HTTPHeaders()

  /// - Parameter limit: bytes of the list; see ``HTTP2Configuration/maximumHeaderListSize``.
  init(limit: Int) {
    self.limit = limit
  }

  /// Takes a field.
  ///
  /// - Returns: false if the list is so large that nothing more should be read from this peer.
  mutating func add(name: String, value: String) -> Bool {
    size += name.utf8.count + value.utf8.count + Self.fieldOverhead
    guard size <= limit else { return size <= limit * Self.excess }
    switch name {
    case ":method": method = value
    case ":scheme": scheme = value
    case ":authority": authority = value
    case ":path": path = value
    case ":protocol": `protocol` = value
    case ":status": status = value
    // RFC 9113 §8.2.3.
    case "cookie": cookie = cookie.map { "\($0); \(value)" } ?? value
    default: headers.add(name: name, value: value)
    }
    return true
  }

  /// Whether it is no trailers.
  var isResponse: Bool { !status.isEmpty }

  /// The whole of a request's fields.
  consuming func request(endStream: Bool) -> Request {
    guard size <= limit else { return .tooLarge }
    let host = headers.first(name: "host")
    // A proxy that looks at the one and a server that looks at the other serve different requests
    // (RFC 9113 §8.3.1).
    if let host, let authority, host.lowercased() != authority.lowercased() { return .malformed }
    let authority = authority ?? host ?? ""
    // No userinfo (RFC 9113 §8.3.1).
    guard !authority.contains("@") else { return .malformed }
    if let cookie { headers.add(name: "cookie", value: cookie) }
    return .head(
      HTTP2RequestHead(
        method: HTTPMethod(rawValue: method), scheme: scheme, authority: authority, path: path,
        protocol: `protocol`, headers: headers, endStream: endStream))
  }

  /// The whole of a response's fields; nil if it is too large.
  consuming func response(endStream: Bool) -> HTTP2ResponseHead? {
    guard size <= limit, let code = Int(status) else { return nil }
    if let cookie { headers.add(name: "cookie", value: cookie) }
    return HTTP2ResponseHead(
      status: HTTPResponseStatus(statusCode: code), headers: headers, endStream: endStream)
  }
}
