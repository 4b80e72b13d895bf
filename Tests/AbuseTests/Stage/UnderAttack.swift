import Testing

/// Runs a suite against one gateway, which honest clients use meanwhile.
struct UnderAttack: SuiteTrait, TestScoping {
  @TaskLocal private static var current: Victim?

  fileprivate let setting: @Sendable () async throws -> Setting

  /// The gateway of the suite that runs.
  static var victim: Victim {
    get throws {
      try #require(current)
    }
  }

  func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    try await Victim.with(setting()) { victim in
      try await Self.$current.withValue(victim) { try await function() }
    }
  }
}

extension Trait where Self == UnderAttack {
  static func underAttack(_ setting: @escaping @Sendable () async throws -> Setting) -> Self {
    UnderAttack(setting: setting)
  }
}
