import Foundation
import MartletTestSupport
import NIOCore

/// RFC 8725: what a verifier is tricked with. The route wants a claim that each of them makes.
extension Attack {
  private static let claims = #""sub":"mallory","rooms":["1"],"exp":\#(RawToken.soon)"#

  /// - Parameter token: made when the case runs.
  private static func token(
    _ deed: String, _ code: Int = 4001, _ token: @escaping @Sendable (Attacker) throws -> String
  ) -> Attack {
    Attack(deed, .closed(code)) { attacker in
      let client = try await attacker.open("/ws/private/1/?token=\(try token(attacker))")
      return .closed(try await client.closeCode())
    }
  }

  private static func token(_ deed: String, header: String) -> Attack {
    token(deed) { _ in RawToken.signed(header: header, "{\(claims)}") }
  }

  private static func token(_ deed: String, _ code: Int = 4001, payload: String) -> Attack {
    token(deed, code) { _ in RawToken.signed(payload) }
  }

  static let tokens = [
    Attack("A good token", .served) { attacker in
      let client = try await attacker.join("/ws/private/1/?token=" + RawToken.signed("{\(claims)}"))
      try await Attacker.expectService(client)
      return .served
    },
    token("A token with alg none") { _ in
      RawToken.encode(#"{"alg":"none"}"#.utf8) + "." + RawToken.encode("{\(claims)}".utf8) + "."
    },
    token("A token with alg none and a signature", header: #"{"alg":"none"}"#),
    token("A token with alg nOnE", header: #"{"alg":"nOnE"}"#),
    token("A token without alg", header: #"{"typ":"JWT"}"#),
    token("A token with a list of algs", header: #"{"alg":["HS256"]}"#),
    token("A token with two algs", header: #"{"alg":"none","alg":"HS256"}"#),
    token("A token that is signed with the public key as a secret") { attacker in
      let key = try Data(contentsOf: URL(filePath: attacker.victim.setting.publicKeyFile))
      return RawToken.signed(payload: "{\(claims)}".utf8, key: key)
    },
    token("A token that says RS256 and is signed with the secret", header: #"{"alg":"RS256"}"#),
    token("A token that says HS512", header: #"{"alg":"HS512"}"#),
    token("A token with an empty signature") { _ in
      RawToken.signed("{\(claims)}").split(separator: ".").prefix(2).joined(separator: ".") + "."
    },
    token("A token whose claims were changed") { _ in
      let parts = RawToken.signed("{\(claims)}").split(separator: ".")
      let forged = RawToken.encode("{\(claims),\"role\":\"admin\"}".utf8)
      return "\(parts[0]).\(forged).\(parts[2])"
    },
    token("A token with spare bits in its signature") { _ in
      // The last character of 43 has two bits that say nothing.
      let token = RawToken.signed("{\(claims)}")
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
      let last = alphabet.firstIndex(of: token.last ?? "A") ?? 0
      return token.dropLast() + String(alphabet[last ^ 1])
    },
    token("A token with padding") { _ in RawToken.signed("{\(claims)}") + "=" },
    token("A token with crit", header: #"{"alg":"HS256","crit":["x"],"x":1}"#),
    token("A token that brings its own key") { _ in
      RawToken.signed(
        header: #"{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"},"jku":"http://127.0.0.1:1/"}"#,
        payload: "{\(claims)}".utf8, key: "a".utf8)
    },
    token("An expired token", payload: #"{"sub":"mallory","rooms":["1"],"exp":1}"#),
    token(
      "A token that is not yet valid",
      payload: "{\(claims),\"nbf\":\(RawToken.soon)}"),
    token("A token of the future", payload: "{\(claims),\"iat\":\(RawToken.soon)}"),
    token("A token without an end", payload: #"{"sub":"mallory","rooms":["1"]}"#),
    token("An end as text", payload: #"{"sub":"mallory","rooms":["1"],"exp":"9999999999"}"#),
    token(
      "An end in milliseconds", payload: #"{"sub":"mallory","rooms":["1"],"exp":9999999999999}"#),
    token("An end beyond all numbers", payload: #"{"sub":"mallory","rooms":["1"],"exp":1e999}"#),
    token("A negative end", payload: #"{"sub":"mallory","rooms":["1"],"exp":-1}"#),
    token(
      "A token with two ends",
      payload: #"{"sub":"mallory","rooms":["1"],"exp":1,"exp":\#(RawToken.soon)}"#),
    token("A token with two subjects", payload: #"{"sub":"ann",\#(claims)}"#),
    token("A token without a subject", payload: #"{"rooms":["1"],"exp":\#(RawToken.soon)}"#),
    token(
      "A subject that looks anonymous",
      payload: #"{"sub":"anonymous:1","rooms":["1"],"exp":\#(RawToken.soon)}"#),
    token("Claims that are no object", payload: #"["sub"]"#),
    token(
      "Claims nested 1,000 deep",
      payload: "{\(claims),\"x\":" + String(repeating: "[", count: 1_000)
        + String(repeating: "]", count: 1_000) + "}"),
    token("Claims that are not UTF-8") { _ in
      RawToken.signed(
        payload: Array("{\(claims),\"name\":\"".utf8) + [0xff] + Array("\"}".utf8),
        key: Setting.secret.utf8)
    },
    token(
      "A token of another room", 4003,
      payload: #"{"sub":"mallory","rooms":["2"],"exp":\#(RawToken.soon)}"#),
    token(
      "A token of 10,000 bytes",
      payload: "{\(claims),\"x\":\"\(String(repeating: "x", count: 7_500))\"}"),
    token("A token of three dots") { _ in "..." },
    token("A token of 4,000 dots") { _ in String(repeating: ".", count: 4_000) },
    token("A token that is none") { _ in "garbage" },
    Attack("No token at all", .closed(4001)) { attacker in
      .closed(try await attacker.open("/ws/private/1/").closeCode())
    },
    Attack("A bad token at server-sent events", .statuses([401])) { attacker in
      try await attacker.request(
        "GET /sse/ws/private/1/ HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a.b.c\r\n\r\n")
    },
    Attack("A bad token at a poll", .statuses([401])) { attacker in
      try await attacker.request(
        "GET /poll/ws/private/1/?token=a.b.c HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("A client's token as an API key", .statuses([401])) { attacker in
      try await attacker.request(
        "GET /api/history/room_honest HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
          + RawToken.signed("{\(claims)}") + "\r\n\r\n")
    },
    Attack("1,000 bad tokens on one connection", .statuses(Array(repeating: 401, count: 1_000))) {
      attacker in
      try await attacker.request(
        String(
          repeating:
            "GET /sse/ws/private/1/?token=eyJhbGciOiJIUzI1NiJ9.e30.x HTTP/1.1\r\nHost: a\r\n\r\n",
          count: 1_000), responses: 1_000)
    },
    Attack(
      "Who asks 200 times on a socket for a room that its token does not name",
      .refused("not_permitted")
    ) {
      attacker in
      let client = try await attacker.join("/ws/private/1/?token=" + RawToken.signed("{\(claims)}"))
      try await client.send(
        raw: Attacker.repeated(
          Attacker.text(#"{"type":"subscribe","path":"/ws/private/2/"}"#), 200))
      let error = try await client.message(ofType: "error")
      try await Attacker.expectService(client)
      return .refused(error.text("code") ?? "")
    },
  ]
}
