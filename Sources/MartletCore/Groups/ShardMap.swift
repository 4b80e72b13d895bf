/// Which shard a group lives in, and the Redis hash tag that keeps a shard's keys in one slot.
///
/// Fixed for the life of a cluster: another shard count sends groups elsewhere.
package struct ShardMap: Sendable {
  /// How many shards there are.
  package let count: Int
  /// The hash tag of each shard, without braces; see ``init(count:)``.
  package let tags: [String]

  /// The most shards a cluster may have.
  package static let maximumCount = 1024

  /// Each shard owns an equal range of the 16,384 Redis Cluster slots, and its tag is the smallest
  /// number whose slot lies near the middle of that range, so that the shards spread evenly over any
  /// number of masters. (The tags `0`…`15` themselves crowd into a few ranges.)
  package init(count: Int) {
    precondition((1...Self.maximumCount).contains(count))
    let width = RedisSlot.count / count
    let tolerance = max(width / 16, 1)
    var tags = [String?](repeating: nil, count: count)
    var missing = count
    var candidate = 0
    while missing > 0 {
      let tag = String(candidate)
      let slot = Int(RedisSlot.of(tag))
      let shard = slot * count / RedisSlot.count
      let middle = (2 * shard + 1) * RedisSlot.count / (2 * count)
      if tags[shard] == nil, abs(slot - middle) <= tolerance {
        tags[shard] = tag
        missing -= 1
      }
      candidate += 1
    }
    self.count = count
    self.tags = tags.compactMap(\.self)
  }

  /// The shard of `group`: FNV-1a (64 bit) of its name, modulo the count.
  package func shard(of group: GroupName) -> Int {
    shard(ofText: group.rawValue)
  }

  /// The shard that is the user's home.
  package func home(of user: UserKey) -> Int {
    shard(ofText: user.text)
  }

  private func shard(ofText text: String) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return Int(hash % UInt64(count))
  }
}

/// Redis Cluster's key slots (Redis Cluster specification, "Key distribution model").
package enum RedisSlot {
  /// How many slots a cluster has.
  package static let count = 16_384

  /// The slot of a key: that of its hash tag, the text between the first `{` and the next `}`, if there is one.
  package static func of(key: String) -> UInt16 {
    let bytes = key.utf8
    if let open = bytes.firstIndex(of: UInt8(ascii: "{")) {
      let rest = bytes[bytes.index(after: open)...]
      if let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex {
        return of(rest[..<close])
      }
    }
    return of(bytes[...])
  }

  /// CRC16 (XMODEM) of `tag`, modulo 16,384.
  package static func of(_ tag: String) -> UInt16 {
    of(tag.utf8[...])
  }

  private static func of(_ bytes: Substring.UTF8View) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes {
      crc ^= UInt16(byte) << 8
      for _ in 0..<8 {
        crc = crc & 0x8000 != 0 ? (crc << 1) ^ 0x1021 : crc << 1
      }
    }
    return crc % UInt16(count)
  }
}
