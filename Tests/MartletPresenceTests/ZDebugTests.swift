import Testing
import Foundation
@testable import MartletPresence
@Suite struct ZDebugTests {
  @Test func one() throws {
    guard let text = ProcessInfo.processInfo.environment["SEED"], let seed = UInt64(text) else { return }
    var world = PresenceWorld(seed: seed)
    world.trace = ProcessInfo.processInfo.environment["TRACE"] ?? ""
    for _ in 0..<500 { try world.step() }
    print("SETTLE")
    try world.settle()
  }
}
