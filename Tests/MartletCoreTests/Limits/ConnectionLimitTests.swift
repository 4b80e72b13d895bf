import MartletCore
import MartletTestSupport
import Testing

@Suite struct ConnectionLimitTests {
  // MARK: Accepting

  @Test func `Connections are taken until all places are, and again when one has gone`() {
    var limiter = AcceptLimiter(maximum: 2, bucket: nil)
    #expect(limiter.accept(now: .zero) == .accepted)
    #expect(limiter.accept(now: .zero) == .accepted)
    #expect(
      limiter.accept(now: .zero) == .refused(retryAfter: AcceptLimiter.retryAfterWhenFull))
    limiter.closed()
    #expect(limiter.count == 1)
    #expect(limiter.accept(now: .zero) == .accepted)
  }

  @Test func `Connections that come too fast are told when to come back`() {
    var limiter = AcceptLimiter(
      maximum: 100, bucket: TokenBucket(count: 10, per: .seconds(1), burst: 2))
    #expect(limiter.accept(now: .zero) == .accepted)
    #expect(limiter.accept(now: .zero) == .accepted)
    #expect(limiter.accept(now: .zero) == .refused(retryAfter: .milliseconds(100)))
    #expect(limiter.count == 2)
    #expect(limiter.accept(now: .milliseconds(100)) == .accepted)
  }

  @Test func `A connection that finds no place takes no token`() {
    var limiter = AcceptLimiter(
      maximum: 1, bucket: TokenBucket(count: 1, per: .seconds(60), burst: 2))
    #expect(limiter.accept(now: .zero) == .accepted)
    for _ in 0..<10 { _ = limiter.accept(now: .zero) }
    limiter.closed()
    #expect(limiter.accept(now: .zero) == .accepted)
  }

  // MARK: Addresses

  private func address(_ bytes: [UInt8]) throws -> AddressKey {
    try #require(AddressKey(bytes: bytes))
  }

  private func ipv6(_ prefix: [UInt8], _ rest: UInt8) throws -> AddressKey {
    try address(prefix + [UInt8](repeating: rest, count: 16 - prefix.count))
  }

  @Test func `An address has so many connections, and others have theirs`() throws {
    var connections = AddressConnections(maximum: 2, capacity: 10)
    let one = try address([192, 0, 2, 1])
    let other = try address([192, 0, 2, 2])
    #expect(connections.open(one) == true)
    #expect(connections.open(one) == true)
    #expect(connections.open(one) == false)
    #expect(connections.open(other) == true)
    connections.close(one)
    #expect(connections.count(of: one) == 1)
    #expect(connections.open(one) == true)
  }

  @Test func `Addresses of one IPv6 network of 64 bits are one`() throws {
    let network: [UInt8] = [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2]
    #expect(try ipv6(network, 1) == ipv6(network, 2))
    #expect(try ipv6(network, 1) != ipv6([0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 3], 1))
  }

  @Test func `An IPv4 address is itself also within IPv6, and no IPv6 network`() throws {
    let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 192, 0, 2, 1]
    #expect(try address(mapped) == address([192, 0, 2, 1]))
    #expect(try address(mapped) != address([192, 0, 2, 2]))
    #expect(try address([0, 0, 0, 0]) != ipv6([0, 0, 0, 0, 0, 0, 0, 0], 0))
    #expect(AddressKey(bytes: [1, 2, 3]) == nil && AddressKey(bytes: []) == nil)
  }

  @Test func `The table keeps addresses with connections only, and not more than it may`() throws {
    var connections = AddressConnections(maximum: 3, capacity: 2)
    let addresses = try (1...3).map { try address([10, 0, 0, $0]) }
    #expect(connections.open(addresses[0]) == true)
    #expect(connections.open(addresses[1]) == true)
    #expect(connections.open(addresses[2]) == false)
    // One that is in it goes on.
    #expect(connections.open(addresses[0]) == true)
    connections.close(addresses[1])
    #expect(connections.addresses == 1)
    #expect(connections.open(addresses[2]) == true)
    connections.close(addresses[0])
    connections.close(addresses[0])
    connections.close(addresses[2])
    #expect(connections.addresses == 0)
  }

  // MARK: Age

  @Test func `Connections end within the jitter before their age`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let age = ConnectionAge(maximum: .seconds(600), jitter: .seconds(60))
    let lives = (0..<10_000).map { _ in age.lifetime(using: &random) }
    #expect(lives.allSatisfy { (.seconds(540)...(.seconds(600))).contains($0) }, "seed \(seed)")
    // Evenly: each tenth of the jitter has about a tenth of them.
    for tenth in 0..<10 {
      let from = Duration.seconds(540 + 6 * tenth)
      let count = lives.count { $0 >= from && $0 < from + .seconds(6) }
      #expect((700...1_300).contains(count), "seed \(seed)")
    }
  }

  @Test func `Without jitter all live equally long`() {
    var random = SeededGenerator(seed: 1)
    let age = ConnectionAge(maximum: .seconds(5), jitter: .zero)
    #expect(age.lifetime(using: &random) == .seconds(5))
  }
}
