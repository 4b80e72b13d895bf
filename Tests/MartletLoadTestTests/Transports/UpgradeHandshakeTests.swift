import Testing

@testable import MartletLoadTest

@Suite struct UpgradeHandshakeTests {
  /// The key of RFC 6455 §1.3's example: base64 of "the sample nonce".
  private let handshake = UpgradeHandshake(nonce: Array("the sample nonce".utf8))
  private let accepted = [
    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  ]

  private func verify(_ lines: [String]) throws(UpgradeHandshake.Refusal) {
    try handshake.verify(lines.joined(separator: "\r\n"))
  }

  @Test func `The example of RFC 6455 §1.3 is accepted`() throws {
    #expect(
      handshake.request(authority: "a:1", path: "/x", token: nil)
        .contains("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
    try verify(accepted)
  }

  @Test func `A token goes into the Authorization header`() {
    let request = handshake.request(authority: "a:1", path: "/x", token: "t")
    #expect(request.contains("\r\nAuthorization: Bearer t\r\n"))
    #expect(request.hasPrefix("GET /x HTTP/1.1\r\nHost: a:1\r\n"))
    #expect(request.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: 0..<4)
  func `Each line of the answer is needed`(missing: Int) {
    var lines = accepted
    lines.remove(at: missing)
    #expect(throws: UpgradeHandshake.Refusal.self) { try verify(lines) }
  }

  @Test func `Wrong answers are refused, and a status is reported`() {
    let wrongAccept = accepted.dropLast() + ["Sec-WebSocket-Accept: AAAA"]
    #expect(throws: UpgradeHandshake.Refusal.self) { try verify(Array(wrongAccept)) }
    // §4.1: no extension was offered.
    #expect(throws: UpgradeHandshake.Refusal.self) {
      try verify(accepted + ["Sec-WebSocket-Extensions: permessage-deflate"])
    }
    let error = #expect(throws: UpgradeHandshake.Refusal.self) {
      try verify(["HTTP/1.1 404 Not Found"])
    }
    #expect(error?.label == "http_404")
    #expect(error?.message == "HTTP 404 Not Found")
  }
}
