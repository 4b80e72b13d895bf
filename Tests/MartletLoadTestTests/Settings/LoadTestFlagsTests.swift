import MartletCore
import Testing

@testable import MartletLoadTest

@Suite struct LoadTestFlagsTests {
  private func flags(_ change: (inout LoadTestFlags) -> Void = { _ in }) -> LoadTestFlags {
    var flags = LoadTestFlags()
    flags.target = "ws://127.0.0.1:1"
    flags.clients = 4
    flags.groups = 2
    change(&flags)
    return flags
  }

  @Test func `Flags alone have the documented defaults`() throws {
    let settings = try flags().settings()
    #expect(settings.rate == 1 && settings.size == 128 && settings.duration == .seconds(30))
    #expect(settings.path == "/ws/load/{group}/" && settings.ramp == .seconds(5))
    #expect(settings.grace == .seconds(10) && settings.loops == 0 && settings.eventType == "load")
    #expect(settings.reconnectDelay.text == "100ms-1s" && settings.verifiesServers)
  }

  @Test(arguments: ["--target", "--clients", "--groups"])
  func `Without a scenario some flags are needed`(option: String) {
    let flags = flags {
      if option == "--target" { $0.target = nil }
      if option == "--clients" { $0.clients = nil }
      if option == "--groups" { $0.groups = nil }
    }
    let error = #expect(throws: SettingsError.self) { try flags.settings() }
    #expect(error?.option == option && error?.allowed.contains("without a scenario") == true)
  }

  @Test func `A malformed flag is refused, beside a scenario and without`() {
    let changes: [(String, (inout LoadTestFlags) -> Void)] = [
      ("--target", { $0.target = "http://a" }), ("--duration", { $0.duration = "5" }),
      ("--ramp", { $0.ramp = "x" }), ("--grace", { $0.grace = "-1s" }),
      ("--reconnect-delay", { $0.reconnectDelay = "2s-1s" }), ("--token", { $0.token = "a b" }),
      ("--size", { $0.size = 0 }),
    ]
    for (option, change) in changes {
      let flags = flags(change)
      let alone = #expect(throws: SettingsError.self) { try flags.settings() }
      let beside = #expect(throws: SettingsError.self) { try flags.overrides() }
      #expect(alone?.option == option && beside?.option == option)
    }
  }

  @Test func `Flags that are not given change nothing in a scenario`() throws {
    #expect(try LoadTestFlags().overrides() == ScenarioOverrides())
    let overrides = try flags {
      $0.duration = "1m"
      $0.token = "t"
      $0.isInsecure = true
      $0.seed = 3
    }.overrides()
    #expect(overrides.duration == .seconds(60) && overrides.token == .fixed("t"))
    #expect(overrides.clients == 4 && overrides.verifiesServers == false && overrides.seed == 3)
    #expect(overrides.rate == nil && overrides.loops == nil)
  }

  @Test func `A request is flags alone, a scenario that flags change, or a worker's`() throws {
    #expect(
      try RunRequest(file: nil, flags: flags(), distribution: .alone)
        == .settings(flags().settings()))
    let coordinator = Distribution.coordinator(listen: .init(host: "a", port: 1), workers: 2)
    #expect(
      try RunRequest(file: nil, flags: flags(), distribution: coordinator)
        == .scenario(Scenario(flags().settings())))
    var expected = try Fixtures.scenario()
    expected.phases[0].clients = 4
    var clients = LoadTestFlags()
    clients.clients = 4
    #expect(
      try RunRequest(file: Fixtures.file(), flags: clients, distribution: .alone)
        == .scenario(expected))
    let worker = Distribution.worker(coordinator: .init(host: "a", port: 1))
    #expect(try RunRequest(file: nil, flags: LoadTestFlags(), distribution: worker) == .worker)
  }

  @Test func `A flag can give what a scenario lacks, and break what fitted`() throws {
    let yaml = Fixtures.yaml(["targets": ""])
    let error = #expect(throws: RunRequestError.self) {
      try RunRequest(file: Fixtures.file(yaml), flags: LoadTestFlags(), distribution: .alone)
    }
    #expect(error?.description.hasPrefix("s.yaml:4: targets: is missing") == true)
    var flags = LoadTestFlags()
    flags.target = "ws://a"
    #expect(throws: Never.self) {
      try RunRequest(file: Fixtures.file(yaml), flags: flags, distribution: .alone)
    }
    flags.path = "/all/"
    let broken = #expect(throws: RunRequestError.self) {
      try RunRequest(file: Fixtures.file(yaml), flags: flags, distribution: .alone)
    }
    #expect(broken?.description.contains("behaviours[0].path: \"/all/\" is the same") == true)
  }
}
