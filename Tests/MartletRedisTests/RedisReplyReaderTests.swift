import MartletTestSupport
import NIOCore
import Testing

@testable import MartletRedis

@Suite struct RedisReplyReaderTests {
  /// All replies in `text`, fed in pieces of `size` bytes.
  private func read(_ text: String, pieces size: Int = 1_000) throws -> [RedisValue] {
    let reader = RedisReplyReader()
    var replies: [RedisValue] = []
    var rest = ByteBuffer(string: text)
    while rest.readableBytes > 0 {
      var piece = rest.readSlice(length: min(size, rest.readableBytes)) ?? ByteBuffer()
      try reader.feed(&piece)
      while let reply = try reader.next() { replies.append(reply) }
    }
    return replies
  }

  private func string(_ text: String) -> RedisValue { .string(ByteBuffer(string: text)) }

  private static let stream =
    "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nr\r\n$2\r\n\r\n\r\n"

  @Test(arguments: [1, 2, 3, 7, 1_000])
  func `Replies are the same however their bytes arrive`(size: Int) throws {
    let text = "+OK\r\n:-5\r\n$-1\r\n$0\r\n\r\n*0\r\n*-1\r\n-ERR no\r\n" + Self.stream
    #expect(
      try read(text, pieces: size) == [
        string("OK"), .integer(-5), .null, string(""), .array([]), .null, .error("ERR no"),
        .array([
          .array([
            string("s"),
            .array([.array([string("1-0"), .array([string("r"), string("\r\n")])])]),
          ])
        ]),
      ])
  }

  @Test func `Empty arrays inside arrays keep their place`() throws {
    #expect(
      try read("*3\r\n*0\r\n:1\r\n*1\r\n*0\r\n") == [
        .array([.array([]), .integer(1), .array([.array([])])])
      ])
  }

  @Test(arguments: ["?\r\n", "$x\r\n", "hello\r\n", "*99999999999\r\n"])
  func `Bytes that are not RESP are an error, not a crash`(text: String) {
    #expect(throws: RedisError.self) { try read(text) }
  }

  @Test func `Nesting beyond what hiredis takes is an error`() {
    #expect(throws: RedisError.self) {
      try read(String(repeating: "*1\r\n", count: 12) + ":1\r\n")
    }
  }

  @Test func `Random bytes never crash the reader`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("RedisReplyReaderTests seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("*$:+-0123\r\n\r\nx".utf8)
    for _ in 0..<5_000 {
      let bytes = (0..<40).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
      _ = try? read(String(decoding: bytes, as: UTF8.self), pieces: 5)
    }
  }

  @Test func `An array takes the memory of what has arrived, not of what it promises`() throws {
    #expect(try read("*2147483647\r\n:1\r\n").isEmpty)
  }

  @Test func `Commands are written with their lengths, whatever bytes they hold`() {
    var buffer = ByteBuffer()
    let command: RedisCommand = [
      "SET", .text("k\r\n"), .bytes(ByteBuffer(bytes: [0, 255])), .number(-7), .text(""),
    ]
    command.write(to: &buffer, incarnation: "")
    let expected =
      Array("*5\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n".utf8) + [0, 255]
      + Array("\r\n$2\r\n-7\r\n$0\r\n\r\n".utf8)
    #expect(Array(buffer.readableBytesView) == expected)
  }
}
