import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static let request = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"

  /// `limits.connections_per_address` and `limits.accept_rate`. Attackers have other addresses than honest clients.
  static let crowds = [
    Attack("A connection beyond those of its address", .rejected(503)) { attacker in
      for _ in 0..<Setting.connectionsOfAddress {
        let connection = try await attacker.connect(from: "127.0.0.2")
        connection.flood(request)
        _ = try await attacker.responses(on: connection, 1)
      }
      let connection = try await attacker.connect(from: "127.0.0.2")
      connection.flood(request)
      try await connection.waitForEnd()
      #expect(connection.text.contains("Retry-After: "))
      return Attacker.answer(of: connection)
    },
    Attack("Who has too many connections and says nothing", .disconnected) { attacker in
      for _ in 0..<Setting.connectionsOfAddress {
        _ = try await attacker.connect(from: "127.0.0.3")
      }
      let connection = try await attacker.connect(from: "127.0.0.3")
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
    Attack("Who drips a request on a connection beyond the limit", .rejected(503)) { attacker in
      for _ in 0..<Setting.connectionsOfAddress {
        _ = try await attacker.connect(from: "127.0.0.4")
      }
      let connection = try await attacker.connect(from: "127.0.0.4")
      try await connection.drip(endlessly: request)
      return Attacker.answer(of: connection)
    },
    Attack("Who connects from 100 addresses faster than is allowed", .rejected(503)) { attacker in
      // All at once: a machine may be slow enough to stay below the rate otherwise.
      let connections = try await withThrowingTaskGroup(of: RawConnection.self) { tasks in
        for number in 1...100 {
          tasks.addTask {
            let connection = try await attacker.connect(from: "127.0.1.\(number)")
            connection.flood(request)
            return connection
          }
        }
        return try await tasks.reduce(into: []) { $0.append($1) }
      }
      var refused = 0
      for connection in connections {
        if try await attacker.responses(on: connection, 1) == .statuses([503]) {
          try await connection.waitForEnd()
          refused += 1
        }
      }
      return refused > 0 ? .rejected(503) : .served
    },
  ]
}
