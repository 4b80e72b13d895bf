internal import MartletRedis
internal import NIOCore

/// Replies of a Redis that may be anything. The first byte chooses how the rest is cut into parts.
struct ArbitraryReplies {
  private struct Outcome: Equatable {
    var values: [RedisValue] = []
    var isBroken = false
  }

  private let seed: UInt8
  private let wire: ArraySlice<UInt8>

  init?(_ input: [UInt8]) {
    guard let seed = input.first else { return nil }
    self.seed = seed
    wire = input.dropFirst()
  }

  func run() {
    let outcome = read { rest in
      defer { rest = [] }
      return rest
    }
    let bytewise = read { $0.popFirst().map { [$0] } ?? [] }
    precondition(bytewise == outcome, "another outcome byte by byte")
    var cut = Cut(seed: seed)
    precondition(read { cut.next(&$0) } == outcome, "another outcome in parts")
  }

  private func read(_ next: (inout ArraySlice<UInt8>) -> ArraySlice<UInt8>) -> Outcome {
    let reader = RedisReplyReader()
    var outcome = Outcome()
    var rest = wire
    while !rest.isEmpty {
      var part = ByteBuffer(bytes: next(&rest))
      do throws(RedisError) {
        try reader.feed(&part)
        while let value = try reader.next() { outcome.values.append(value) }
      } catch {
        outcome.isBroken = true
        break
      }
    }
    return outcome
  }
}
