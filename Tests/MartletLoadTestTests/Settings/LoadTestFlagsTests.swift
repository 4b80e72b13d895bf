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

  @Test func `Flags alone are a scenario of two phases with the documented defaults`() throws {
    let scenario = try flags().scenario()
    try scenario.validate()
    #expect(scenario.targets == [Target(host: "127.0.0.1", port: 1)])
    #expect(scenario.groups == ["groups": .even(count: 2)])
    let client = try #require(scenario.behaviours.first)
    #expect(scenario.behaviours.count == 1 && client.path == "/ws/load/{group}/")
    #expect(client.publishing?.gap == .constant(.seconds(1)) && client.token == .none)
    #expect(client.publishing?.size == .constant(128) && client.publishing?.type == "load")
    #expect(scenario.phases.map(\.name) == ["join", "run"])
    #expect(scenario.phases[0].clients == 4 && scenario.phases[0].ramp == .seconds(5))
    #expect(scenario.phases[0].pace == 0 && scenario.phases[0].joinPatience == .seconds(35))
    #expect(scenario.phases[0].hold == .zero && scenario.phases[1].hold == .seconds(30))
    #expect(scenario.phases[1].pace == 1 && scenario.phases[1].clients == nil)
    #expect(scenario.grace == .seconds(10) && scenario.loops == 0 && scenario.seed == 1)
    #expect(scenario.reconnectDelay.text == "100ms-1s" && scenario.security.verifiesServers)
  }

  @Test func `Flags alone change their scenario as they change a file`() throws {
    let scenario = try flags {
      $0.rate = 10
      $0.size = "200"
      $0.duration = "1s"
      $0.ramp = "60s"
      $0.path = "/chat/{group}"
      $0.eventType = "chat"
      $0.token = "t"
      $0.isInsecure = true
      $0.target = "wss://127.0.0.1:1"
      $0.loops = 3
      $0.seed = 7
    }.scenario()
    try scenario.validate()
    let client = scenario.behaviours[0]
    #expect(client.publishing?.gap == .constant(.milliseconds(100)) && client.token == .fixed("t"))
    #expect(client.publishing?.size == .constant(200) && client.publishing?.type == "chat")
    #expect(client.path == "/chat/{group}" && scenario.phases[1].hold == .seconds(1))
    #expect(scenario.phases[0].ramp == .seconds(60))
    #expect(scenario.phases[0].joinPatience == .seconds(90))
    #expect(!scenario.security.verifiesServers && scenario.loops == 3 && scenario.seed == 7)
    #expect(try flags { $0.rate = 0 }.scenario().behaviours[0].publishing == nil)
  }

  @Test(arguments: [
    ("--target", "ws://HOST"), ("--clients", "from 1 to 1000000"), ("--groups", "from 1 to"),
    ("--rate", "0 or from 0.00001 to 10000"), ("--duration", "from 1ms to 168h"),
    ("--ramp", "from 0s to 1h"), ("--loops", "from 0 (half of the cores) to 256"),
    ("--size", "from 111, which the fields"), ("--event-type", "1 to 64 visible ASCII"),
    ("--path", "begins with / and has no #"),
  ])
  func `A refused flag names itself and what is allowed`(option: String, allowed: String) {
    let flags = flags {
      switch option {
      case "--target": $0.target = ""
      case "--clients": $0.clients = 0
      case "--groups": $0.groups = 0
      case "--rate": $0.rate = .nan
      case "--duration": $0.duration = "0s"
      case "--ramp": $0.ramp = "2h"
      case "--loops": $0.loops = 257
      case "--size": $0.size = "10"
      case "--event-type": $0.eventType = "a\"b"
      default: $0.path = "/a b/{group}"
      }
    }
    let error = #expect(throws: RunRequestError.self) {
      try RunRequest(file: nil, flags: flags, distribution: .alone)
    }
    #expect(error?.description.hasPrefix(option) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(allowed) == true, "\(error?.description ?? "")")
  }

  @Test func `Flags alone allow a group for each client, and each needs a path of its own`() {
    func refusal(_ change: (inout LoadTestFlags) -> Void) -> String? {
      #expect(throws: RunRequestError.self) {
        try RunRequest(file: nil, flags: flags(change), distribution: .alone)
      }?.description
    }
    #expect(refusal { $0.isInsecure = true }?.hasPrefix("--ca or --insecure: is for wss:") == true)
    #expect(refusal { $0.groups = 5 }?.contains("to the number of clients (4)") == true)
    #expect(refusal { $0.path = "/all/" }?.hasPrefix("--path: \"/all/\" is the same") == true)
  }

  @Test(arguments: ["--target", "--clients", "--groups"])
  func `Without a scenario some flags are needed`(option: String) {
    let flags = flags {
      if option == "--target" { $0.target = nil }
      if option == "--clients" { $0.clients = nil }
      if option == "--groups" { $0.groups = nil }
    }
    let error = #expect(throws: SettingsError.self) { try flags.scenario() }
    #expect(error?.option == option && error?.allowed.contains("without a scenario") == true)
  }

  @Test func `A malformed flag is refused, beside a scenario and without`() {
    let changes: [(String, (inout LoadTestFlags) -> Void)] = [
      ("--target", { $0.target = "http://a" }), ("--duration", { $0.duration = "5" }),
      ("--ramp", { $0.ramp = "x" }), ("--grace", { $0.grace = "-1s" }),
      ("--reconnect-delay", { $0.reconnectDelay = "2s-1s" }), ("--token", { $0.token = "a b" }),
      ("--size", { $0.size = "0" }),
    ]
    for (option, change) in changes {
      let flags = flags(change)
      let alone = #expect(throws: SettingsError.self) { try flags.scenario() }
      let beside = #expect(throws: SettingsError.self) { try flags.overrides() }
      #expect(alone?.option == option && beside?.option == option)
    }
  }

  @Test func `Observers are a share, of a scenario that samples as of one that does not`() throws {
    let sampling = try flags { $0.observers = "5%" }.scenario().sampling
    #expect(sampling == Sampling(observers: 0.05, readEvery: .milliseconds(250)))
    var scenario = try Fixtures.scenario(
      Fixtures.yaml(["sampling": "{observers: 10%, read_every: 500ms}"]))
    try flags { $0.observers = "20%" }.overrides().apply(to: &scenario)
    #expect(scenario.sampling == Sampling(observers: 0.2, readEvery: .milliseconds(500)))
    try flags { $0.observers = "100%" }.overrides().apply(to: &scenario)
    #expect(scenario.sampling == nil)
    let refused = #expect(throws: SettingsError.self) {
      try flags { $0.observers = "0.05" }.overrides()
    }
    #expect(refused?.description.contains("such as 10% or 0.5%") == true)
  }

  @Test(arguments: [("4KiB", 4096...4096), ("64-512", 64...512)])
  func `A size is written as in a file`(text: String, range: ClosedRange<Int>) throws {
    let size = try flags { $0.size = text }.overrides().size
    #expect(
      size
        == (range.count == 1
          ? .constant(range.lowerBound) : .uniform(range.lowerBound, range.upperBound)))
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
    let coordinator = Distribution.coordinator(listen: .init(host: "a", port: 1), workers: 2)
    for distribution in [Distribution.alone, coordinator] {
      #expect(
        try RunRequest(file: nil, flags: flags(), distribution: distribution)
          == .scenario(flags().scenario()))
    }
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

  @Test func `There are no more workers than clients`() throws {
    func request(_ workers: Int) throws -> RunRequest {
      try RunRequest(
        file: nil, flags: flags(),
        distribution: .coordinator(listen: .init(host: "a", port: 1), workers: workers))
    }
    #expect(throws: Never.self) { try request(4) }
    let error = #expect(throws: RunRequestError.self) { try request(5) }
    #expect(
      error?.description.contains("at most one for each client, of which there are 4") == true)
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
