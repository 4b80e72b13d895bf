import MartletTestSupport
import Testing

@testable import MartletCore

@Suite struct GroupsTests {
  @Test(arguments: [
    "a", "project_42", "user_a@b.example", "A-Z.~:0", String(repeating: "x", count: 200),
  ])
  func `Group names of the alphabet are accepted`(name: String) {
    #expect(GroupName(name)?.rawValue == name)
  }

  @Test(arguments: [
    "", " ", "a b", "a/b", "{a}", "é", "a%20b", "a\n", String(repeating: "x", count: 201),
  ])
  func `Other group names are refused`(name: String) {
    #expect(GroupName(name) == nil)
  }

  @Test func `Epochs are random, short and parse back`() {
    let seed = UInt64.random(in: 0 ... .max)
    print("GroupsTests seed: \(seed)")
    var random = SeededGenerator(seed: seed)
    let epochs = (0..<1_000).map { _ in Epoch.random(using: &random) }
    #expect(Set(epochs).count == epochs.count)
    #expect(epochs.allSatisfy { Epoch($0.rawValue) == $0 })
    #expect(Epoch("") == nil)
    #expect(Epoch("a b") == nil)
    #expect(Epoch(String(repeating: "a", count: 41)) == nil)
  }

  @Test func `Key slots are those of the Redis Cluster specification`() {
    // "123456789" has the CRC16 0x31C3; the others are what CLUSTER KEYSLOT answers.
    #expect(RedisSlot.of("123456789") == 0x31C3 % 16_384)
    #expect(RedisSlot.of("foo") == 12_182)
    #expect(RedisSlot.of("bar") == 5_061)
  }

  @Test(arguments: [1, 2, 3, 12, 16, 64, 1_024])
  func `The tags of shards lie one in each equal range of slots`(count: Int) {
    let map = ShardMap(count: count)
    #expect(map.tags.count == count)
    for (shard, tag) in map.tags.enumerated() {
      #expect(Int(RedisSlot.of(tag)) * count / RedisSlot.count == shard)
    }
  }

  @Test(arguments: 1...12)
  func `Sixteen shards spread over any number of masters, none with two more than another`(
    masters: Int
  ) {
    var load = [Int](repeating: 0, count: masters)
    for tag in ShardMap(count: 16).tags {
      load[Int(RedisSlot.of(tag)) * masters / RedisSlot.count] += 1
    }
    #expect((load.max() ?? 0) - (load.min() ?? 0) <= 1)
  }

  @Test func `A group's shard never changes, and groups spread over the shards`() throws {
    let map = ShardMap(count: 16)
    // Fixed for ever: a cluster's data lies where this function says.
    #expect(map.shard(of: try #require(GroupName("project_42"))) == 5)
    var load = [Int](repeating: 0, count: 16)
    for number in 0..<16_000 {
      load[map.shard(of: try #require(GroupName("room_\(number)")))] += 1
    }
    #expect(load.allSatisfy { (800...1_200).contains($0) })
  }

  @Test func `Users of two tenants are two, each with a home that never changes`() {
    let map = ShardMap(count: 16)
    let alone = UserKey(tenant: nil, id: "ann")
    let tenant = UserKey(tenant: TenantName("acme"), id: "ann")
    #expect(alone.text == "ann" && tenant.text == "acme/ann" && alone != tenant)
    #expect(UserKey(text: tenant.text) == tenant)
    // Fixed for ever, like a group's shard.
    #expect(map.home(of: alone) == 8 && map.home(of: tenant) == 11)
  }

  @Test func `A user's JSON leaves out a missing name and escapes what it has`() {
    #expect(User(id: "u1", name: nil).json == #"{"id":"u1"}"#)
    #expect(User(id: "u\"1", name: "Ann").json == #"{"id":"u\"1","name":"Ann"}"#)
  }
}
