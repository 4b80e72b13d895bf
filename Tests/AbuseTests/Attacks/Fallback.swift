import Foundation
import MartletTestSupport
import NIOCore
import Testing

/// Server-sent events, polls and the API.
extension Attack {
  static let fallback = [
    Attack("A flood of 300 polls that wait", .statuses([200])) { attacker in
      let position = try await attacker.position(of: "/ws/room/polled/")
      var connections: [RawConnection] = []
      for _ in 0..<300 {
        let connection = try await attacker.connect()
        connection.flood(
          "GET /poll/ws/room/polled/?\(position)&wait=3 HTTP/1.1\r\nHost: a\r\n\r\n")
        connections.append(connection)
      }
      var answers: [Answer] = []
      for connection in connections {
        answers.append(try await attacker.responses(on: connection, 1))
      }
      return answers.first { $0 != .statuses([200]) } ?? .statuses([200])
    },
    Attack("Who makes 300 polls and does not wait for the answers", .served) { attacker in
      let position = try await attacker.position(of: "/ws/room/left/")
      for _ in 0..<300 {
        let connection = try await attacker.connect()
        try await connection.send(
          "GET /poll/ws/room/left/?\(position)&wait=60 HTTP/1.1\r\nHost: a\r\n\r\n")
        await connection.close()
      }
      return .served
    },
    Attack("Who asks 700 times for all that was missed, and reads nothing,", .disconnected) {
      attacker in
      // Answered all at once they would take 2 GB.
      let position = try await attacker.fill("unread", events: 100, of: 30_000)
      let connection = try await attacker.connect()
      try await connection.setReading(false)
      connection.flood(
        String(
          repeating: "GET /poll/ws/room/unread/?\(position) HTTP/1.1\r\nHost: a\r\n\r\n", count: 700
        ))
      let sockets = try await attacker.victim.sockets()
      try await eventually("the gateway ends the connection") {
        try await attacker.victim.sockets() < sockets
      }
      return .disconnected
    },
    Attack("A poll with a wait of a year", .statuses([400])) { attacker in
      try await attacker.request(
        "GET /poll/ws/room/attackers/?wait=31536000 HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("A poll with an offset beyond all numbers", .statuses([400])) { attacker in
      try await attacker.request(
        "GET /poll/ws/room/attackers/?epoch=a&offset=99999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n"
      )
    },
    Attack("A poll by DELETE", .statuses([405])) { attacker in
      try await attacker.request("DELETE /poll/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n")
    },
    Attack("A request that is pipelined behind a stream of events", .rejected(200)) { attacker in
      let connection = try await attacker.connect()
      connection.flood(
        "GET /sse/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n"
          + "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually("the stream begins") {
        connection.text.contains("connection_established")
      }
      #expect(!connection.text.contains("404"))
      await connection.close()
      return .rejected(200)
    },
    Attack("1 MiB that is sent on a stream of events", .served) { attacker in
      let connection = try await attacker.connect()
      connection.flood("GET /sse/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually("the stream begins") {
        connection.text.contains("connection_established")
      }
      try await connection.send(ByteBuffer(repeating: 32, count: 1 << 20))
      return .served
    },
    Attack("200 streams of events that are left", .served) { attacker in
      for _ in 0..<200 {
        let connection = try await attacker.connect()
        try await connection.send("GET /sse/ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n")
        await connection.close()
      }
      return .served
    },
    Attack(
      "1,000 requests of the API without a key", .statuses(Array(repeating: 401, count: 1_000))
    ) {
      attacker in
      try await attacker.request(
        String(repeating: "GET /api/history/room_honest HTTP/1.1\r\nHost: a\r\n\r\n", count: 1_000),
        responses: 1_000)
    },
    Attack("A path of the API with dots and slashes in escapes", .statuses([400])) { attacker in
      try await attacker.request(
        "GET /api/history/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: a\r\n"
          + "Authorization: Bearer \(Setting.apiKey)\r\n\r\n")
    },
    Attack("A body of the API that is nested 10,000 deep", .statuses([400])) { attacker in
      let body =
        #"{"group":"room_x","event":{"type":"x","a":"# + String(repeating: "[", count: 10_000)
        + String(repeating: "]", count: 10_000) + "}}"
      return try await attacker.request(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Setting.apiKey)\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    },
  ]

  /// Who is there and takes nothing.
  static let absentPeers = [
    Attack("A WebSocket that answers no ping", .closed(4005)) { attacker in
      // As if its machine had lost power: nothing is acknowledged but by its kernel.
      let client = try await attacker.join()
      try await client.setReading(false)
      let before = try await attacker.victim.closes("idle")
      try await eventually("it is closed") {
        try await attacker.victim.closes("idle") > before
      }
      try await client.setReading(true)
      return .closed(try await client.closeCode())
    },
    Attack("Who does not answer the close frame", .disconnected) { attacker in
      let client = try await attacker.join()
      try await client.send(opcode: 1, [], isMasked: false)
      // RFC 6455 §7.1.1: the server ends the connection.
      try await eventually("the gateway ends the connection") { client.isClosed }
      return .disconnected
    },
    Attack("Who ends its half of a WebSocket's connection", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send(
        "GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
          + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
      try await eventually("it is open") { connection.text.contains("connection_established") }
      try await connection.finishSending()
      try await connection.waitForEnd()
      return .disconnected
    },
    Attack("A WebSocket that reads none of a busy group's publications", .disconnected) {
      attacker in
      let client = try await attacker.join("/ws/room/busy/")
      try await client.setReading(false)
      return try await attacker.overwhelm("busy")
    },
    Attack("A stream of events that reads none of a busy group's publications", .disconnected) {
      attacker in
      let connection = try await attacker.connect()
      connection.flood("GET /sse/ws/room/busy/ HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually("the stream begins") {
        connection.text.contains("connection_established")
      }
      try await connection.setReading(false)
      return try await attacker.overwhelm("busy")
    },
  ]
}

extension Attacker {
  /// Where a group is, as a poll's query.
  func position(of path: String) async throws -> String {
    let response = try await HTTPTestClient.request(port: victim.port, "/poll\(path)")
    let json = try response.json()
    return
      "epoch=\(json.text("position.epoch") ?? "")&offset=\(json.number("position.offset") ?? -1)"
  }

  /// Publishes in a room by the API.
  ///
  /// - Returns: the position before, as a poll's query.
  func fill(_ room: String, events count: Int, of size: Int) async throws -> String {
    let position = try await position(of: "/ws/room/\(room)/")
    let filling = String(repeating: "x", count: size)
    for _ in 0..<count { try await publish(room, filling) }
    return position
  }

  private func publish(_ room: String, _ filling: String) async throws {
    let response = try await HTTPTestClient.request(
      "POST", port: victim.port, "/api/publish",
      headers: [("Authorization", "Bearer \(Setting.apiKey)")],
      body: #"{"group":"room_\#(room)","event":{"type":"chat_message","a":"\#(filling)"}}"#)
    guard response.status == 200 else { throw NeverTrue(what: "\(response) is success") }
  }

  /// Publishes until somebody who does not read has been given up.
  ///
  /// - Parameter hasSocket: whether its socket has to go, too.
  func overwhelm(_ room: String, hasSocket: Bool = true) async throws -> Answer {
    let sockets = try await victim.sockets()
    // Who is slow to be overwhelmed may be given up for its silence before.
    func given() async throws -> Int {
      try await victim.closes("slow_consumer") + victim.closes("idle")
    }
    let before = try await given()
    let filling = String(repeating: "x", count: 60_000)
    var published = 0
    while try await given() == before {
      try await publish(room, filling)
      published += 1
      // Sockets' buffers take some megabytes.
      guard published < 500 else { throw NeverTrue(what: "a slow consumer is closed") }
    }
    guard hasSocket else { return .closed(nil) }
    try await eventually("its connection is ended") { try await victim.sockets() < sockets }
    return .disconnected
  }
}
