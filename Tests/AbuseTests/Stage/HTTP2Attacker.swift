import MartletTestSupport
import NIOCore

/// An attacker's connection of HTTP/2, without a library that would keep it from breaking rules.
struct HTTP2Attacker {
  let connection: RawConnection

  /// - Parameter settings: of the attacker.
  static func connect(
    _ attacker: Attacker, settings: [(UInt16, UInt32)] = []
  ) async throws -> HTTP2Attacker {
    let connection = try await attacker.connect(protocols: ["h2"])
    var bytes = ByteBuffer(string: HTTP2Frame.preface)
    // Responses without a table of fields that one would have to keep.
    bytes.writeImmutableBuffer(HTTP2Frame.settings([(1, 0)] + settings))
    try await connection.send(bytes)
    return HTTP2Attacker(connection: connection)
  }

  var frames: [HTTP2Frame.Received] { HTTP2Frame.read(connection.received) }

  private func frame(
    _ what: String, _ condition: (HTTP2Frame.Received) -> Bool
  ) async throws -> HTTP2Frame.Received? {
    var found: HTTP2Frame.Received?
    try await eventually(what) {
      let isClosed = connection.isClosed
      found = frames.first(where: condition)
      return found != nil || isClosed
    }
    return found
  }

  /// The code of the GOAWAY, with which the connection has to end.
  func goAway() async throws -> Answer {
    try await connection.waitForEnd()
    let last = frames.last { $0.kind == HTTP2Frame.Kind.goAway.rawValue }
    guard let last, let code: UInt32 = last.payload.getInteger(at: last.payload.readerIndex + 4)
    else { return .disconnected }
    return .goAway(code)
  }

  /// The code with which a stream is reset.
  func reset(_ stream: UInt32) async throws -> Answer {
    let frame = try await frame("stream \(stream) is reset") {
      $0.kind == HTTP2Frame.Kind.reset.rawValue && $0.stream == stream
    }
    let code: UInt32? = frame.flatMap { $0.payload.getInteger(at: $0.payload.readerIndex) }
    guard let code else { return try await goAway() }
    return .reset(code)
  }

  /// The status with which a stream is answered.
  func status(_ stream: UInt32) async throws -> Answer {
    let frame = try await frame("stream \(stream) is answered") {
      $0.stream == stream
        && [HTTP2Frame.Kind.headers.rawValue, HTTP2Frame.Kind.reset.rawValue].contains($0.kind)
    }
    guard let frame else { return try await goAway() }
    guard frame.kind == HTTP2Frame.Kind.headers.rawValue else { return try await reset(stream) }
    return .statuses([Self.status(frame.payload) ?? 0])
  }

  /// The bytes of DATA that have come on a stream.
  func data(_ stream: UInt32) -> ByteBuffer {
    frames.filter { $0.kind == HTTP2Frame.Kind.data.rawValue && $0.stream == stream }
      .reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1.payload) }
  }

  /// That a request on the same connection is still served.
  func expectService(_ stream: UInt32) async throws -> Answer {
    connection.flood(HTTP2Frame.request(stream))
    let answer = try await status(stream)
    return answer == .statuses([404]) ? .served : answer
  }

  /// The `:status` at the beginning of a block without entries of the dynamic table (RFC 7541 §6, Appendix A).
  private static func status(_ block: ByteBuffer) -> Int? {
    var block = block
    guard var first: UInt8 = block.readInteger() else { return nil }
    // An update of the table's size comes before.
    while first & 0xe0 == 0x20, let next: UInt8 = block.readInteger() { first = next }
    let indexed: [UInt8: Int] = [
      0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500,
    ]
    if let status = indexed[first] { return status }
    guard first & 0x3f == 8 || first & 0x0f == 8, let length: UInt8 = block.readInteger(),
      let value = block.readBytes(length: Int(length & 0x7f))
    else { return nil }
    return length & 0x80 == 0 ? Int(String(decoding: value, as: UTF8.self)) : digits(value)
  }

  /// Decimal digits in the Huffman code of RFC 7541, Appendix B: 0 to 2 have five bits, the others six.
  private static func digits(_ bytes: [UInt8]) -> Int {
    var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }[...]
    var number = 0
    while bits.count >= 5 {
      let five = bits.prefix(5).reduce(0) { $0 << 1 | Int($1) }
      if five < 3 {
        number = number * 10 + five
        bits = bits.dropFirst(5)
      } else {
        let six = bits.prefix(6).reduce(0) { $0 << 1 | Int($1) }
        guard bits.count >= 6, (0x19...0x1f).contains(six) else { break }
        number = number * 10 + six - 0x16
        bits = bits.dropFirst(6)
      }
    }
    return number
  }
}
