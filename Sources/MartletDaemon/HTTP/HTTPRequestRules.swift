package import NIOHTTP1

/// What makes a request one that everybody on its way reads alike, beside what NIO's parser checks (RFC 9112 §11.2). Pure.
package enum HTTPRequestRules {
  /// Why a request is not looked at.
  package struct Violation: Error, Equatable {
    package var status: HTTPResponseStatus
    package var code: String
    package var message: String

    static func malformed(_ message: String) -> Violation {
      Violation(status: .badRequest, code: "malformed", message: message)
    }
  }

  /// The request as the rest of the gateway is to see it: with a path as its target, and the Host that it is for.
  package static func checked(_ head: HTTPRequestHead) throws(Violation) -> HTTPRequestHead {
    try checkBody(head)
    guard head.method != .CONNECT else {
      // There are no tunnels here (RFC 9110 §9.3.6).
      throw Violation(
        status: .methodNotAllowed, code: "method_not_allowed", message: "there are no tunnels here")
    }
    let hosts = head.headers["Host"]
    // RFC 9112 §3.2.
    guard hosts.count == 1 || hosts.isEmpty && head.version == .http1_0,
      hosts.allSatisfy(isHost)
    else { throw .malformed("a request has one valid Host (RFC 9112, 3.2)") }
    var head = head
    if let (authority, path) = absoluteForm(head.uri) {
      guard isHost(authority) else { throw .malformed("the target has no valid host") }
      head.uri = path
      head.headers.replaceOrAdd(name: "Host", value: String(authority))
    }
    try checkTarget(head.uri, head.method)
    return head
  }

  /// A path and a query in visible ASCII, whose escapes are UTF-8. Also for HTTP/2, whose other rules nghttp2 checks.
  package static func checkTarget(
    _ target: String, _ method: HTTPMethod
  ) throws(Violation) {
    guard target.first == "/" || target == "*" && method == .OPTIONS,
      target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") })
    else { throw .malformed("the target is no path (RFC 9112, 3.2)") }
    guard RequestTarget.isText(target) else {
      throw .malformed("the escapes of the target are not UTF-8")
    }
  }

  /// How long the body is has to be said once, in one way (RFC 9112 §6.3).
  private static func checkBody(_ head: HTTPRequestHead) throws(Violation) {
    let codings = head.headers["Transfer-Encoding"]
    let lengths = head.headers["Content-Length"]
    guard codings.isEmpty || codings.count == 1 && codings[0].lowercased() == "chunked" else {
      throw .malformed("chunked is the only transfer coding, and stands alone")
    }
    guard codings.isEmpty || lengths.isEmpty && head.version == .http1_1 else {
      throw .malformed("a body has either chunks or a length (RFC 9112, 6.1)")
    }
    guard lengths.isEmpty || lengths.count == 1 && isNumber(lengths[0]) else {
      throw .malformed("a body has one Content-Length, a number (RFC 9110, 8.6)")
    }
  }

  private static func isNumber(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) } && Int(text) != nil
  }

  /// `uri-host [":" port]` (RFC 9110 §7.2); it may be empty.
  private static func isHost(_ text: some StringProtocol) -> Bool {
    text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: "-._~%!$&'()*+;=:[]".utf8.contains(byte)
      }
    }
  }

  /// A target as proxies get it, which every server has to take (RFC 9112 §3.2.2).
  private static func absoluteForm(_ target: String) -> (authority: Substring, path: String)? {
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let rest = target.dropFirst(scheme.count)
      let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
      let path = String(rest[end...])
      return (rest[..<end], path.hasPrefix("/") ? path : "/" + path)
    }
    return nil
  }
}
