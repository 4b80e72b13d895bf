import MartletTestSupport
import NIOCore

extension Attack {
  /// `limits.handshake_timeout`.
  static let slowHandshakes = [
    Attack("Who connects and says nothing", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
    Attack("Who drips header fields and never finishes", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n")
      try await connection.drip(endlessly: "X-A: b\r\n")
      return Attacker.answer(of: connection)
    },
    Attack("Who drips a request line", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("GET /")
      try await connection.drip(endlessly: "x")
      return Attacker.answer(of: connection)
    },
    Attack("Who is answered and then drips another request", .rejected(404)) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n")
      try await connection.drip(endlessly: "X-A: b\r\n")
      return Attacker.answer(of: connection)
    },
    Attack("Who drips the body of a POST", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
      try await connection.drip(endlessly: " ")
      return Attacker.answer(of: connection)
    },
    Attack("Who drips chunks without an end", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send(
        "POST /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
      try await connection.drip(endlessly: "1\r\n \r\n")
      return Attacker.answer(of: connection)
    },
    Attack("Who sends half of HTTP/2's preface", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("PRI * HTTP/2.0\r\n\r\nSM")
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
    Attack("Who makes 200 connections that each begin a request", .disconnected) { attacker in
      var connections: [RawConnection] = []
      for _ in 0..<200 {
        let connection = try await attacker.connect()
        connection.flood("GET /ws/room/attackers/ HTTP/1.1\r\nHost:")
        connections.append(connection)
      }
      for connection in connections { try await connection.waitForEnd() }
      return Attacker.answer(of: connections[0])
    },
    Attack("Who ends its half of the connection before its request", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n")
      try await connection.finishSending()
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
  ]
}
