import Foundation
import MartletTestSupport
import NIOCore

extension Attack {
  /// A ClientHello (RFC 5246 §7.4.1.2) of one version and a few ciphers, without extensions.
  private static func clientHello(_ version: UInt16, ciphers: [UInt16] = [0xc02b, 0xc02f, 0x002f])
    -> ByteBuffer
  {
    var hello = ByteBuffer(integer: version)
    hello.writeRepeatingByte(7, count: 32)
    hello.writeInteger(UInt8(0))
    hello.writeInteger(UInt16(ciphers.count * 2))
    for cipher in ciphers { hello.writeInteger(cipher) }
    hello.writeBytes([1, 0])
    var handshake = ByteBuffer(integer: UInt32(1) << 24 | UInt32(hello.readableBytes))
    handshake.writeImmutableBuffer(hello)
    return record(22, handshake)
  }

  private static func record(_ type: UInt8, _ payload: ByteBuffer) -> ByteBuffer {
    var record = ByteBuffer(bytes: [type, 3, 1])
    record.writeInteger(UInt16(payload.readableBytes))
    record.writeImmutableBuffer(payload)
    return record
  }

  /// What comes of bytes on the port: an alert, or nothing.
  private static func raw(_ deed: String, _ answer: Answer, _ bytes: ByteBuffer) -> Attack {
    Attack(deed, answer) { attacker in
      let connection = try await attacker.connectRaw()
      connection.flood(bytes)
      try await connection.waitForEnd()
      return alert(connection.received)
    }
  }

  private static func alert(_ bytes: ByteBuffer) -> Answer {
    let bytes = Array(bytes.readableBytesView)
    guard let start = bytes.indices.last(where: { bytes[$0] == 21 && bytes.count >= $0 + 7 })
    else { return .disconnected }
    return .alert(bytes[start + 6])
  }

  static let tlsHandshakes = [
    raw("A client of TLS 1.1", .alert(70), clientHello(0x0302)),
    raw("A client of TLS 1.0", .alert(70), clientHello(0x0301)),
    // SSL 3 has no alert for versions: handshake_failure (RFC 6101 §5.4.2).
    raw("A client of SSL 3", .alert(40), clientHello(0x0300)),
    raw(
      "A client that knows no forward secrecy", .alert(40),
      clientHello(0x0303, ciphers: [0x002f, 0x009c])),
    raw(
      "A client that knows no good cipher", .alert(40),
      clientHello(0x0303, ciphers: [0x0005, 0x000a])),
    raw(
      "Plain HTTP", .disconnected,
      ByteBuffer(string: "GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\n\r\n")),
    raw("Plain HTTP/2", .disconnected, ByteBuffer(string: HTTP2Frame.preface)),
    raw("Plain noise", .disconnected, ByteBuffer(repeating: 0xaa, count: 4_096)),
    raw(
      "A record that claims more than TLS allows", .alert(22),
      ByteBuffer(bytes: [22, 3, 1, 0xff, 0xff] + Array(repeating: 0, count: 5_000))),
    raw(
      "Application data before the handshake", .alert(10),
      record(23, ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))),
    raw("An alert before the handshake", .alert(10), record(21, ByteBuffer(bytes: [2, 40]))),
    raw(
      "Half a ClientHello", .disconnected,
      clientHello(0x0303).getSlice(at: 0, length: 30) ?? ByteBuffer()),
    Attack("Who drips a ClientHello", .disconnected) { attacker in
      let connection = try await attacker.connectRaw()
      // A record of 16 KiB that takes its time.
      try await connection.send(ByteBuffer(bytes: [22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xf0]))
      try await connection.drip(endlessly: "\u{3}")
      return alert(connection.received)
    },
    Attack("Who leaves 100 handshakes half done", .disconnected) { attacker in
      var connections: [RawConnection] = []
      for _ in 0..<100 {
        let connection = try await attacker.connectRaw()
        connection.flood(clientHello(0x0303))
        connections.append(connection)
      }
      for connection in connections { try await connection.waitForEnd() }
      return .disconnected
    },
    Attack("Who shakes hands and says nothing", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
    Attack("Who shakes hands and drips a request", .disconnected) { attacker in
      let connection = try await attacker.connect()
      try await connection.send("GET / HTTP/1.1\r\n")
      try await connection.drip(endlessly: "X-A: b\r\n")
      return Attacker.answer(of: connection)
    },
    Attack("Who agrees on h2 and speaks HTTP/1.1", .goAway(1)) { attacker in
      let connection = try await attacker.connect(protocols: ["h2"])
      connection.flood("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      return try await HTTP2Attacker(connection: connection).goAway()
    },
    Attack("Who agrees on HTTP/1.1 and speaks h2", .rejected(400)) { attacker in
      try await attacker.requestUntilEnd(HTTP2Frame.preface)
    },
    Attack("Who speaks a protocol that there is not", .disconnected) { attacker in
      // The client's own side sees the alert 120 as the end of the handshake.
      let connection = try await attacker.connect(protocols: ["spdy/3"])
      try await connection.waitForEnd()
      return Attacker.answer(of: connection)
    },
    Attack("Who asks for a renegotiation", .disconnected) { attacker in
      try await renegotiate(attacker)
    },
    Attack("Who breaks off without close_notify 100 times", .served) { attacker in
      let target = attacker.victim.setting.honestTarget.replacing("honest", with: "attackers")
      for _ in 0..<100 { await (try await attacker.join(target)).abort() }
      return .served
    },
  ]

  /// By the program of OpenSSL, which asks for it when it reads an R.
  private static func renegotiate(_ attacker: Attacker) async throws -> Answer {
    let folder = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (input, output) = (folder.path() + "/input", folder.path() + "/output")
    // Opened for both, so that neither side waits for the other.
    let client = try ChildProcess(
      "sh",
      [
        "-c",
        "mkfifo \"$0\" && exec openssl s_client -connect 127.0.0.1:$1 -tls1_2 <>\"$0\"", input,
        "\(attacker.victim.port)",
      ], output: output)
    func text() -> String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
    try await eventually("it is connected") { text().contains("Verify return code") }
    let pipe = FileHandle(forWritingAtPath: input)
    try pipe?.write(contentsOf: Data("R\n".utf8))
    try await eventually("the client gives up") { !client.isRunning }
    guard text().contains("RENEGOTIATING"), text().contains("no renegotiation") else {
      throw NeverTrue(what: "renegotiation is refused: \(text().suffix(1_000))")
    }
    return .disconnected
  }
}
