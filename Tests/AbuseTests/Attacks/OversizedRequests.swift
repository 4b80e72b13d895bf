import NIOCore

extension Attack {
  private static func get(_ target: String, _ fields: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  }

  /// `limits.header_size` and `limits.message_size` of requests.
  static let oversizedRequests = [
    Attack("A header field of 1 MiB", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        get("/nothing", "X-Large: \(String(repeating: "x", count: 1 << 20))\r\n"))
    },
    Attack("A head of 20,000 fields", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        get("/nothing", String(repeating: "a: b\r\n", count: 20_000)))
    },
    Attack("A head of 50,000 empty fields", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        get("/nothing", String(repeating: "a:\r\n", count: 50_000)))
    },
    Attack("A field name of 100,000 bytes", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        get("/nothing", String(repeating: "x", count: 100_000) + ": x\r\n"))
    },
    Attack("A request line of 1 MiB", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(get("/" + String(repeating: "x", count: 1 << 20)))
    },
    Attack("A query of 100,000 parameters", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        get("/nothing?" + String(repeating: "a=b&", count: 100_000)))
    },
    Attack("A method of 100,000 bytes", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        String(repeating: "X", count: 100_000) + " / HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("A body that says that it has 1 GiB", .rejected(413)) { attacker in
      try await attacker.requestUntilEnd(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n{")
    },
    Attack("A body of 16 MiB of spaces", .rejected(413)) { attacker in
      let length = 16 << 20
      var request = ByteBuffer(
        string:
          "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
      request.writeRepeatingByte(32, count: length)
      return try await attacker.requestUntilEnd(request)
    },
    Attack("A body in chunks above the limit that never ends", .rejected(413)) { attacker in
      var request = ByteBuffer(
        string:
          "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      )
      for _ in 0..<100 {
        request.writeString("400\r\n")
        request.writeRepeatingByte(32, count: 1_024)
        request.writeString("\r\n")
      }
      return try await attacker.requestUntilEnd(request)
    },
    Attack("A chunk extension of 1 MiB", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "1;" + String(repeating: "x", count: 1 << 20) + "\r\n{\r\n0\r\n\r\n")
    },
    Attack("Trailers of 1 MiB", .rejected(431)) { attacker in
      try await attacker.requestUntilEnd(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "2\r\n{}\r\n0\r\n" + String(repeating: "x: y\r\n", count: 170_000) + "\r\n")
    },
    Attack(
      "5,000 requests at once on one connection", .statuses(Array(repeating: 404, count: 5_000))
    ) { attacker in
      // As small as they can be, so that as many as possible come in one read.
      try await attacker.request(
        String(repeating: "GET / HTTP/1.1\r\nHost:\r\n\r\n", count: 5_000), responses: 5_000)
    },
  ]
}
