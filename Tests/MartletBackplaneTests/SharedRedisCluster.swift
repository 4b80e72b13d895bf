import MartletCore
import MartletTestSupport
import Testing

/// A Redis Cluster that the tests of a suite share; each keeps to a key prefix of its own.
struct SharedRedisCluster: SuiteTrait, TestScoping {
  @TaskLocal static var seeds: [RedisServer] = []

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent () async throws -> Void
  ) async throws {
    let cluster = try await RedisClusterProcess.start()
    try await Self.$seeds.withValue(cluster.seeds) { try await function() }
    withExtendedLifetime(cluster) {}
  }
}

extension Trait where Self == SharedRedisCluster {
  /// Starts three masters with a replica each, for as long as the suite runs.
  static var sharedRedisCluster: Self { Self() }
}
