import NIOCore

/// Requests that a proxy in front and the gateway might read as different ones (RFC 9112 §11.2). In each, what would be a second
/// request to a careless reader follows; it must never be answered.
extension Attack {
  private static let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let event = #"{"type":"chat_message"}"#

  private static func post(
    _ deed: String, _ fields: String, body: String = event, answer: Answer = .rejected(400)
  ) -> Attack {
    Attack(deed, answer) { attacker in
      try await attacker.requestUntilEnd(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)\(hidden)")
    }
  }

  private static func get(
    _ deed: String, _ head: String, answer: Answer = .rejected(400)
  ) -> Attack {
    Attack(deed, answer) { attacker in
      try await attacker.requestUntilEnd(head + "\r\n\r\n" + hidden)
    }
  }

  private static let chunked = "Transfer-Encoding: chunked"
  private static let chunks = "17\r\n\(event)\r\n0\r\n\r\n"

  static let smuggling = [
    post(
      "A body with Content-Length and chunks", "Content-Length: 5\r\n\(chunked)", body: chunks),
    post(
      "A body with chunks and Content-Length", "\(chunked)\r\nContent-Length: 5", body: chunks),
    post("A body of two lengths", "Content-Length: 23\r\nContent-Length: 5"),
    post("A length that stands twice", "Content-Length: 23\r\nContent-Length: 23"),
    post("A list of lengths", "Content-Length: 23, 23"),
    post("A length with a sign", "Content-Length: +23"),
    post("A negative length", "Content-Length: -1"),
    post("A hexadecimal length", "Content-Length: 0x17"),
    post("A length above 64 bits", "Content-Length: 18446744073709551639"),
    post("An empty length", "Content-Length:"),
    post("A length with a space in it", "Content-Length: 2 3"),
    post("An unknown transfer coding", "Transfer-Encoding: xchunked", body: chunks),
    post("A transfer coding behind chunked", "Transfer-Encoding: chunked, identity", body: chunks),
    post("The transfer coding identity", "Transfer-Encoding: identity\r\nContent-Length: 23"),
    post("Chunked twice", "Transfer-Encoding: chunked, chunked", body: chunks),
    post("Two fields of transfer codings", "\(chunked)\r\nTransfer-Encoding: x", body: chunks),
    post("A transfer coding in quotes", "Transfer-Encoding: \"chunked\"", body: chunks),
    post("A vertical tab before the coding", "Transfer-Encoding: \u{0b}chunked", body: chunks),
    post("A space before the colon", "Transfer-Encoding : chunked", body: chunks),
    post("A tab before the colon", "Content-Length\t: 23"),
    post("A folded coding", "Transfer-Encoding:\r\n chunked", body: chunks),
    post("A folded field", "X-Folded: a\r\n b\r\nContent-Length: 23"),
    post("A field that begins the head with a space", " X: y\r\nContent-Length: 23"),
    post("A field without a name", ": y\r\nContent-Length: 23"),
    post("A field without a colon", "Content-Length 23"),
    post("A null byte in a field", "X: a\0b\r\nContent-Length: 23"),
    post("A bare CR in a field", "X: a\rContent-Length: 5\r\nContent-Length: 23"),
    post("A bare LF between fields", "X: a\nContent-Length: 23"),
    post("Fields that end with bare LFs", "Content-Length: 23\n\n\(event)"),
    post("A chunk size in words", "\(chunked)", body: "ten\r\n"),
    post("A chunk size with 0x", "\(chunked)", body: "0x17\r\n\(event)\r\n0\r\n\r\n"),
    post("A negative chunk size", "\(chunked)", body: "-1\r\n\(event)\r\n0\r\n\r\n"),
    post("A chunk size above 64 bits", "\(chunked)", body: "fffffffffffffffff\r\n"),
    post("A chunk size behind a space", "\(chunked)", body: " 17\r\n\(event)\r\n0\r\n\r\n"),
    post("A chunk size that ends with a bare LF", "\(chunked)", body: "17\n\(event)\r\n0\r\n\r\n"),
    post("A chunk extension with a bare LF", "\(chunked)", body: "17;a\n\(event)\r\n0\r\n\r\n"),
    post("A chunk that is longer than it says", "\(chunked)", body: "5\r\n\(event)\r\n0\r\n\r\n"),
    post("A chunk that ends with a bare LF", "\(chunked)", body: "17\r\n\(event)\n0\r\n\r\n"),
    get("A request without Host", "GET /nothing HTTP/1.1\r\nX: y"),
    get("A request with two Hosts", "GET /nothing HTTP/1.1\r\nHost: a\r\nHost: b"),
    get("A Host with a path", "GET /nothing HTTP/1.1\r\nHost: a/b"),
    get("A Host with user information", "GET /nothing HTTP/1.1\r\nHost: a@b"),
    get("A list of Hosts", "GET /nothing HTTP/1.1\r\nHost: a, b"),
    get("A target with a space", "GET /nothing /else HTTP/1.1\r\nHost: a"),
    get("A target with a tab", "GET /nothing\t/else HTTP/1.1\r\nHost: a"),
    get("A target that is not a path", "GET nothing HTTP/1.1\r\nHost: a"),
    get("A target with a fragment", "GET /nothing#else HTTP/1.1\r\nHost: a"),
    get("A method with a colon", "GE:T /nothing HTTP/1.1\r\nHost: a"),
    get("A request of HTTP/0.9", "GET /nothing"),
    get("A request of HTTP/3.0", "GET /nothing HTTP/3.0\r\nHost: a"),
    get("A request of http/1.1 in lower case", "GET /nothing http/1.1\r\nHost: a"),
    get("A TLS ClientHello", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}"),
    get(
      "HTTP/2\'s preface behind a request",
      "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nPRI * HTTP/2.0", answer: .statuses([404, 400])),
    get(
      "Chunks in a request of HTTP/1.0",
      "POST /poll/ws/room/attackers/ HTTP/1.0\r\nHost: a\r\n\(chunked)"),
    Attack("A target with another Host, in absolute form,", .statuses([426])) { attacker in
      // RFC 9112 §3.2.2: accepted, and the path is the same.
      try await attacker.request(
        "GET http://other.example/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    get(
      "A tunnel", "CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443",
      answer: .rejected(405)),
    Attack("A body with its GET", .statuses([404, 404])) { attacker in
      try await attacker.request(
        "GET /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: \(hidden.utf8.count)\r\n\r\n\(hidden)"
          + "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", responses: 2)
    },
  ]
}
