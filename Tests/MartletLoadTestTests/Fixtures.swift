@testable import MartletLoadTest

enum Fixtures {
  static func settings() -> LoadTestSettings {
    LoadTestSettings(
      targets: [Target(host: "127.0.0.1", port: 1)], clients: 4, groups: 2, rate: 10, size: 128,
      duration: .seconds(1))
  }
}
