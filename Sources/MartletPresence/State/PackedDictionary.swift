internal import OrderedCollections

/// A dictionary for what is held of every member. Its entries lie side by side and outgrow their room by an eighth, where those of a
/// `Dictionary` lie apart, in room that doubles: just after growing, that takes two and a half times as much.
///
/// The order of its entries means nothing. A value is changed in place, as in a `Dictionary`.
struct PackedDictionary<Key: Hashable, Value> {
  private(set) var keys: OrderedSet<Key> = []
  /// In the order of ``keys``.
  private(set) var values: ContiguousArray<Value> = []
  /// How many entries there is room for.
  private var capacity = 0

  init() {}

  var count: Int { values.count }
  var isEmpty: Bool { values.isEmpty }

  subscript(key: Key) -> Value? {
    get { keys.firstIndex(of: key).map { values[$0] } }
    _modify {
      let index = keys.firstIndex(of: key)
      // Out of the array, since a copy that stays there would make every change a copy of all that the value holds.
      var value = index.map { take(at: $0) }
      defer { put(value, key, at: index) }
      yield &value
    }
  }

  subscript(key: Key, default value: @autoclosure () -> Value) -> Value {
    get { self[key] ?? value() }
    _modify {
      let index = keys.firstIndex(of: key) ?? append(key, value())
      yield &values[index]
    }
  }

  /// The stored key that is equal to `key`. Who keeps that one does not keep a copy of its text.
  func storedKey(_ key: Key) -> Key? {
    keys.firstIndex(of: key).map { keys[$0] }
  }

  @discardableResult
  mutating func removeValue(forKey key: Key) -> Value? {
    guard let index = keys.firstIndex(of: key) else { return nil }
    let value = take(at: index)
    removeKey(at: index)
    return value
  }

  // MARK: Entries

  private mutating func append(_ key: Key, _ value: Value) -> Int {
    if count == capacity {
      capacity += 1 + capacity / 8
      keys.reserveCapacity(capacity)
      values.reserveCapacity(capacity)
    }
    keys.append(key)
    values.append(value)
    return count - 1
  }

  /// Takes a value out; the last one takes its place.
  private mutating func take(at index: Int) -> Value {
    values.swapAt(index, values.count - 1)
    return values.removeLast()
  }

  /// - Parameter index: where the value was taken; nil if there was none.
  private mutating func put(_ value: Value?, _ key: Key, at index: Int?) {
    switch (value, index) {
    case (let value?, let index?):
      values.append(value)
      values.swapAt(index, values.count - 1)
    case (let value?, nil):
      _ = append(key, value)
    case (nil, let index?):
      removeKey(at: index)
    case (nil, nil):
      break
    }
  }

  /// The last key takes its place. One that has become empty needs no room.
  private mutating func removeKey(at index: Int) {
    if keys.count == 1 {
      self = [:]
      return
    }
    keys.swapAt(index, keys.count - 1)
    keys.removeLast()
  }
}

extension PackedDictionary: Sequence {
  func makeIterator() -> Zip2Sequence<OrderedSet<Key>, ContiguousArray<Value>>.Iterator {
    zip(keys, values).makeIterator()
  }
}

extension PackedDictionary: ExpressibleByDictionaryLiteral {
  init(dictionaryLiteral elements: (Key, Value)...) {
    for (key, value) in elements { self[key] = value }
  }
}

extension PackedDictionary: Sendable where Key: Sendable, Value: Sendable {}
