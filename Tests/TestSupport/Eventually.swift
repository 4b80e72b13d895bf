internal import Foundation

/// Waits until `condition` holds; throws if it does not within `limit`, times `MARTLET_TEST_PATIENCE` of the environment,
/// which is for slow builds (scripts/sanitize).
///
/// - Parameter what: completes "it did not become true that …".
package func eventually(
  _ what: String, within limit: Duration = .seconds(20),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit * patience
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NeverTrue(what: what) }
    try await Task.sleep(for: .milliseconds(10))
  }
}

private let patience =
  ProcessInfo.processInfo.environment["MARTLET_TEST_PATIENCE"].flatMap { Int($0) } ?? 1

/// A condition did not become true in time.
package struct NeverTrue: Error, CustomStringConvertible {
  package var what: String

  package init(what: String) {
    self.what = what
  }

  package var description: String { "it did not become true that \(what)" }
}
