import Foundation
import Testing

@Suite("Presence state against a naive model")
struct PresenceStatePropertyTests {
  /// Longer runs: `MARTLET_PRESENCE_WORLDS=5000 swift test --filter PresenceStatePropertyTests`.
  private static let worlds =
    ProcessInfo.processInfo.environment["MARTLET_PRESENCE_WORLDS"].flatMap { Int($0) } ?? 200
  private static let steps = 500

  /// A failure names its seed; `PresenceWorld(seed:)` repeats it, in a process with `SWIFT_DETERMINISTIC_HASHING=1` exactly.
  @Test(
    "joins, leaves, metas, statuses, crashes, repetitions, losses and clock jumps end as the model says",
    arguments: (0..<worlds).map { _ in UInt64.random(in: .min ... .max) })
  func randomWorld(seed: UInt64) throws {
    var world = PresenceWorld(seed: seed)
    do {
      for _ in 0..<Self.steps { try world.step() }
      try world.settle()
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }
}
