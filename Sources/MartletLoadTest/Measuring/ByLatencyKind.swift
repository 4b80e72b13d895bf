/// Something that is kept for each kind of latency, and begins empty.
package protocol LatencyValue {
  init()
}

/// One value for each ``LatencyKind``, reached without a look-up.
package struct ByLatencyKind<Value: LatencyValue> {
  package var connect = Value()
  package var join = Value()
  package var acknowledge = Value()
  package var deliver = Value()
  package var recover = Value()
  package var presence = Value()

  package init() {}

  package subscript(kind: LatencyKind) -> Value {
    get {
      switch kind {
      case .connect: connect
      case .join: join
      case .acknowledge: acknowledge
      case .deliver: deliver
      case .recover: recover
      case .presence: presence
      }
    }
    set {
      switch kind {
      case .connect: connect = newValue
      case .join: join = newValue
      case .acknowledge: acknowledge = newValue
      case .deliver: deliver = newValue
      case .recover: recover = newValue
      case .presence: presence = newValue
      }
    }
  }

  package func map<Other: LatencyValue>(_ transform: (Value) -> Other) -> ByLatencyKind<Other> {
    var result = ByLatencyKind<Other>()
    for kind in LatencyKind.allCases { result[kind] = transform(self[kind]) }
    return result
  }

  /// Changes each value by the one of its kind in `other`.
  mutating func combine<Other>(
    _ other: ByLatencyKind<Other>, _ change: (inout Value, Other) -> Void
  ) {
    for kind in LatencyKind.allCases { change(&self[kind], other[kind]) }
  }
}

extension ByLatencyKind: Sendable where Value: Sendable {}
extension ByLatencyKind: Equatable where Value: Equatable {}

/// An object with the kinds as keys; kinds that are missing are empty.
extension ByLatencyKind: Codable where Value: Codable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ kind: LatencyKind) { stringValue = kind.rawValue }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    self.init()
    let container = try decoder.container(keyedBy: Key.self)
    for kind in LatencyKind.allCases {
      if let value = try container.decodeIfPresent(Value.self, forKey: Key(kind)) {
        self[kind] = value
      }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for kind in LatencyKind.allCases { try container.encode(self[kind], forKey: Key(kind)) }
  }
}

/// What an event loop records into.
package typealias Latencies = ByLatencyKind<LatencyHistogram>
/// What is added up, stored and sent.
package typealias LatencyDistributions = ByLatencyKind<LatencyDistribution>
package typealias LatencySummaries = ByLatencyKind<LatencySummary>

extension ByLatencyKind<LatencyHistogram> {
  package mutating func add(_ other: Latencies) {
    combine(other) { $0.add($1) }
  }

  package var distributions: LatencyDistributions { map(\.distribution) }
}

extension ByLatencyKind<LatencyDistribution> {
  package mutating func add(_ other: LatencyDistributions) {
    combine(other) { $0.add($1) }
  }

  /// What was recorded since `earlier`, a value of the same sums.
  package func since(_ earlier: LatencyDistributions) -> LatencyDistributions {
    var result = self
    result.combine(earlier) { $0 = $0.since($1) }
    return result
  }

  package var summaries: LatencySummaries { map(\.summary) }
}
