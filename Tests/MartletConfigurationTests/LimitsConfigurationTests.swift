import MartletCore
import Testing

@testable import MartletConfiguration

@Suite struct LimitsConfigurationTests {
  private func load(_ yaml: String) throws -> Configuration {
    try Configuration(yaml: yaml, file: "m.yaml", environment: [:], readFile: { _ in nil })
  }

  @Test func `What is not said is not limited`() throws {
    let limits = try load("demo: true").limits
    #expect(limits.acceptBucket == nil && limits.publishBucket == nil)
    #expect(limits.connectionsPerAddress == nil && limits.connectionAge == nil)
    #expect(limits.userPublications == nil)
    #expect(limits.headerSize == 16_384 && limits.groupsPerSession == 100)
    let zero = try load(
      "limits: {accept_rate: 0, publish_rate: 0, connections_per_address: 0, connection_age: 0s}"
    ).limits
    #expect(zero.acceptBucket == nil && zero.publishBucket == nil)
    #expect(zero.connectionsPerAddress == nil && zero.connectionAge == nil)
  }

  @Test func `Every key is read`() throws {
    let limits = try load(
      """
      limits:
        accept_rate: 100
        accept_burst: 500
        publish_rate: 10
        publish_burst: 20
        connections_per_address: 7
        header_size: 8KiB
        groups_per_session: 3
        connection_age: 1h
        connection_age_jitter: 5m
        user_publications: {count: 100, per: 1m}
      """
    ).limits
    #expect(limits.acceptBucket == TokenBucket(count: 100, per: .seconds(1), burst: 500))
    #expect(limits.publishBucket == TokenBucket(count: 10, per: .seconds(1), burst: 20))
    #expect(limits.connectionsPerAddress == 7)
    #expect(limits.headerSize == 8_192 && limits.groupsPerSession == 3)
    #expect(limits.connectionAge == ConnectionAge(maximum: .seconds(3_600), jitter: .seconds(300)))
    #expect(limits.userPublications == Quota(count: 100, per: .seconds(60)))
  }

  @Test func `What is recovered at a time is at least one recovery`() throws {
    #expect(try load("demo: true").limits.recoveryMemory == 256 << 20)
    #expect(try load("limits: {recovery_memory: 8MiB}").limits.recoveryMemory == 8 << 20)
    #expect(try load("limits: {recovery_bytes: 1GiB}").limits.recoveryMemory == 1 << 30)
    let error = #expect(throws: ConfigurationError.self) {
      try load("limits: {recovery_memory: 2MiB}")
    }
    #expect(error?.description.contains("at least limits.recovery_bytes, which is 4MiB") == true)
  }

  @Test func `A burst is a second's worth and a jitter a tenth, unless they are given`() throws {
    let limits = try load("limits: {accept_rate: 100, publish_rate: 5, connection_age: 10m}").limits
    #expect(limits.acceptBucket == TokenBucket(count: 100, per: .seconds(1), burst: 100))
    #expect(limits.publishBucket == TokenBucket(count: 5, per: .seconds(1), burst: 5))
    #expect(limits.connectionAge == ConnectionAge(maximum: .seconds(600), jitter: .seconds(60)))
  }

  @Test func `A route has the quota of the cluster, or one of its own that is counted apart`()
    throws
  {
    let routes = try load(
      """
      limits: {user_publications: {count: 100, per: 1m}}
      routes:
        - {path: /a, group: a}
        - {path: "/b/{id}/", group: "b_{id}", user_publications: {count: 5, per: 10s}}
      """
    ).routing.routes
    #expect(routes[0].quota == Quota(count: 100, per: .seconds(60)))
    #expect(routes[1].quota == Quota(count: 5, per: .seconds(10), scope: "/b/{id}/"))
    #expect(try load("routes: [{path: /a, group: a}]").routing.routes[0].quota == nil)
  }

  /// Wrong text, and what the error must name.
  private static let wrong: [(yaml: String, names: [String])] = [
    ("accept_rate: -1", ["limits.accept_rate", "-1", "0 to 1000000"]),
    ("accept_rate: fast", ["limits.accept_rate", "fast"]),
    ("accept_burst: 5", ["limits.accept_burst", "accept_rate above 0"]),
    ("publish_burst: 5", ["limits.publish_burst", "publish_rate above 0"]),
    ("publish_rate: 1\n  publish_burst: 0", ["m.yaml:3", "limits.publish_burst", "1 to 1000000"]),
    ("connections_per_address: -1", ["limits.connections_per_address", "0 to 10000000"]),
    ("header_size: 512B", ["limits.header_size", "1KiB to 1MiB"]),
    ("groups_per_session: 0", ["limits.groups_per_session", "1 to 10000"]),
    ("connection_age: 366d", ["limits.connection_age", "365d"]),
    ("connection_age_jitter: 1m", ["limits.connection_age_jitter", "connection_age above 0s"]),
    (
      "connection_age: 1m\n  connection_age_jitter: 2m",
      ["m.yaml:3", "limits.connection_age_jitter", "2m", "0s to 1m"]
    ),
    ("user_publications: 100", ["limits.user_publications", "mapping"]),
    ("user_publications: {count: 100}", ["limits.user_publications", "per is missing"]),
    ("user_publications: {per: 1m}", ["limits.user_publications", "count is missing"]),
    (
      "user_publications: {count: 0, per: 1m}",
      ["limits.user_publications.count", "1 to 10000"]
    ),
    (
      "user_publications: {count: 1, per: 2d}",
      ["limits.user_publications.per", "2d", "100ms to 1d"]
    ),
    (
      "user_publications: {count: 1, per: 1m, burst: 2}",
      ["limits.user_publications.burst", "count, per"]
    ),
  ]

  @Test(arguments: wrong.indices)
  func `Wrong limits are refused at their line`(index: Int) {
    let (yaml, names) = Self.wrong[index]
    let error = #expect(throws: ConfigurationError.self) { try load("limits:\n  \(yaml)") }
    let text = error?.description ?? ""
    for name in ["m.yaml:"] + names { #expect(text.contains(name), "\(text)") }
  }

  @Test func `A wrong quota of a route is refused at its line`() {
    let error = #expect(throws: ConfigurationError.self) {
      try load("routes:\n  - path: /a\n    group: a\n    user_publications: {count: 1, per: x}")
    }
    #expect(error?.line == 4 && error?.key == "routes[0].user_publications.per")
  }
}
