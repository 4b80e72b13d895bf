import Foundation
import MartletCore
import Testing

@testable import MartletLoadTest

@Suite struct CommandLineTests {
  @Test func `A run is alone, a coordinator's or a worker's`() throws {
    func distribution(
      _ coordinator: String? = nil, _ workers: Int? = nil, _ worker: String? = nil,
      others: Bool = false
    ) throws -> Distribution {
      try Distribution(
        coordinator: coordinator, workers: workers, worker: worker, hasOtherOptions: others)
    }
    #expect(try distribution(others: true) == .alone)
    #expect(
      try distribution("9100", 2, others: true)
        == .coordinator(listen: HostAndPort(host: "127.0.0.1", port: 9_100), workers: 2))
    #expect(
      try distribution(":9100", 1)
        == .coordinator(listen: HostAndPort(host: "0.0.0.0", port: 9_100), workers: 1))
    #expect(
      try distribution(nil, nil, "http://[::1]:9100/")
        == .worker(coordinator: HostAndPort(host: "::1", port: 9_100)))
    func refused(_ option: String, _ body: () throws -> Distribution) {
      let error = #expect(throws: SettingsError.self) { _ = try body() }
      #expect(error?.option == option)
    }
    refused("--coordinator") { try distribution("9100") }
    refused("--coordinator") { try distribution("x", 2) }
    refused("--workers") { try distribution(nil, 2) }
    refused("--workers") { try distribution("9100", 0) }
    refused("--worker") { try distribution("9100", 2, "http://a:1") }
    refused("--worker") { try distribution(nil, nil, "http://a:1", others: true) }
    for url in ["a:1", "http://a", "http://:1", "https://a:1", "http://a:0", "http://a:1/x"] {
      refused("--worker") { try distribution(nil, nil, url) }
    }
  }

  @Test(arguments: [
    ("9100", "127.0.0.1:9100"), (":0", "0.0.0.0:0"), ("[::1]:1", "[::1]:1"), ("a:2", "a:2"),
    ("a", nil), ("", nil), ("65536", nil), (":x", nil),
  ])
  func `An address to listen at is a port with or without a host`(text: String, address: String?) {
    #expect((try? ListenAddress.parse(text, option: "-"))?.description == address)
  }

  @Test func `A file that cannot be written is refused with its option`() throws {
    let changes: [(String, WritableKeyPath<OutputSettings, String?>)] = [
      ("--json", \OutputSettings.jsonFile), ("--html", \.htmlFile), ("--csv", \.csvFile),
      ("--hgrm", \.histogramFile),
    ]
    for (option, key) in changes {
      for path in ["", "/", "/no/such/folder/x"] {
        var outputs = OutputSettings()
        outputs[keyPath: key] = path
        let error = #expect(throws: SettingsError.self) { try outputs.check() }
        #expect(error?.option == option && error?.value == path)
      }
    }
    var outputs = OutputSettings()
    outputs.jsonFile = FileManager.default.temporaryDirectory.appending(component: "x").path()
    try outputs.check()
    outputs.csvFile = outputs.jsonFile
    let error = #expect(throws: SettingsError.self) { try outputs.check() }
    #expect(error?.option == "--csv" && error?.allowed.contains("--json") == true)
  }

  @Test func `A command is repeated without its secrets`() {
    #expect(
      Invocation.text([
        "/a/martlet-loadtest", "run", "x y.yaml", "--token", "a.b", "--token=c.d", "it's",
      ])
        == "martlet-loadtest run 'x y.yaml' --token *** --token=*** 'it'\\''s'")
  }

  @Test func `A search is refused where its values make no sense`() throws {
    func search(
      _ raised: MaximumSearch.Raised = .clients, from: Double = 100, to: Double = 1_000,
      factor: Double = 2, precision: Double = 0.1, trial: Duration = .seconds(10)
    ) throws -> MaximumSearch {
      try MaximumSearch(
        raised: raised, from: from, to: to, factor: factor, precision: precision, trial: trial)
    }
    func refused(_ option: String, _ body: () throws -> MaximumSearch) {
      let error = #expect(throws: SettingsError.self) { _ = try body() }
      #expect(error?.option == option)
    }
    refused("--from") { try search(from: 0) }
    refused("--from") { try search(from: 1.5) }
    refused("--from") { try search(.rate, from: 0) }
    refused("--to") { try search(to: 99) }
    refused("--to") { try search(.rate, to: 10_001) }
    refused("--factor") { try search(factor: 1) }
    refused("--precision") { try search(precision: 0) }
    refused("--trial") { try search(trial: .zero) }
    #expect(throws: Never.self) { try search(.rate, from: 0.5) }

    var flags = LoadTestFlags()
    flags.clients = 5
    #expect(throws: SettingsError.self) { try search().check(flags) }
    #expect(throws: Never.self) { try search(.rate).check(flags) }
    flags.duration = "1s"
    #expect(throws: SettingsError.self) { try search(.rate).check(flags) }
  }

  @Test func `A trial is the scenario with a value`() throws {
    let search = try MaximumSearch(
      raised: .clients, from: 1, to: 100, factor: 2, precision: 0.1, trial: .seconds(7))
    var flags = LoadTestFlags()
    flags.rate = 5
    let scenario = try search.scenarios(Fixtures.file(), flags: flags)(50)
    #expect(scenario.phases[0].clients == 50 && scenario.phases[1].hold == .seconds(7))
    #expect(scenario.behaviours[0].publishing?.gap == .constant(.milliseconds(200)))
    let rates = try MaximumSearch(
      raised: .rate, from: 1, to: 100, factor: 2, precision: 0.1, trial: .seconds(7))
    let faster = try rates.scenarios(Fixtures.file(), flags: LoadTestFlags())(4)
    #expect(faster.behaviours[0].publishing?.gap == .constant(.milliseconds(250)))
  }
}
