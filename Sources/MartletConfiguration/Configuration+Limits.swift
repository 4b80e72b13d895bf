internal import MartletCore

extension Configuration.Limits {
  /// Reads what bounds connections and publications by rate, address, age and number.
  mutating func readAdmission(
    _ mapping: inout ConfigurationMapping
  ) throws(ConfigurationError) {
    acceptBucket = try mapping.bucket(rate: "accept_rate", burst: "accept_burst")
    publishBucket = try mapping.bucket(rate: "publish_rate", burst: "publish_burst")
    if let node = mapping.optional("connections_per_address") {
      let number = try node.integer(0...10_000_000)
      connectionsPerAddress = number == 0 ? nil : number
    }
    if let node = mapping.optional("header_size") {
      headerSize = try node.size((1 << 10)...(1 << 20))
    }
    if let node = mapping.optional("groups_per_session") {
      groupsPerSession = try node.integer(1...10_000)
    }
    connectionAge = try mapping.connectionAge()
    if let node = mapping.optional("user_publications") {
      userPublications = try Quota(node.mapping(), scope: "")
    }
  }
}

extension Quota {
  /// - Parameter scope: see ``Quota/scope``.
  init(_ mapping: ConfigurationMapping, scope: String) throws(ConfigurationError) {
    var mapping = mapping
    self.init(
      count: try mapping.required("count", "how many publications").integer(Self.counts),
      per: try mapping.required("per", "a duration such as 1m").duration(Self.periods),
      scope: scope)
    try mapping.finish()
  }
}

extension ConfigurationMapping {
  /// So many per second, and so many at once; nil: no limit.
  fileprivate mutating func bucket(
    rate rateName: String, burst burstName: String
  ) throws(ConfigurationError) -> TokenBucket? {
    let rate = try optional(rateName)?.integer(0...TokenBucket.counts.upperBound) ?? 0
    let burst = optional(burstName)
    guard rate > 0 else {
      guard let burst else { return nil }
      throw burst.error("is for a \(rateName) above 0; without one there is no limit")
    }
    return TokenBucket(
      count: rate, per: .seconds(1), burst: try burst?.integer(TokenBucket.counts) ?? rate)
  }

  fileprivate mutating func connectionAge() throws(ConfigurationError) -> ConnectionAge? {
    let longest = Duration.seconds(365 * 86_400)
    let maximum = try optional("connection_age")?.duration(.zero...longest) ?? .zero
    let jitter = optional("connection_age_jitter")
    guard maximum > .zero else {
      guard let jitter else { return nil }
      throw jitter.error("is for a connection_age above 0s; without one there is no limit")
    }
    return ConnectionAge(
      maximum: maximum, jitter: try jitter?.duration(.zero...maximum) ?? maximum / 10)
  }
}
