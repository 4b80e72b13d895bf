/// Waits until `condition` holds; throws if it does not within `limit`.
///
/// - Parameter what: completes "it did not become true that …".
package func eventually(
  _ what: String, within limit: Duration = .seconds(20),
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NeverTrue(what: what) }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// A condition did not become true in time.
package struct NeverTrue: Error, CustomStringConvertible {
  package var what: String

  package init(what: String) {
    self.what = what
  }

  package var description: String { "it did not become true that \(what)" }
}
