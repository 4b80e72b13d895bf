import Testing

@testable import MartletLoadTest

@Suite struct ScenarioSettingsTests {
  @Test func `The flags of run are a scenario of two phases`() throws {
    var settings = Fixtures.settings()
    settings.token = "t"
    settings.verifiesServers = false
    settings.loops = 3
    settings.size = 200
    settings.eventType = "chat"
    let scenario = Scenario(settings)
    try scenario.validate()
    #expect(scenario.targets == settings.targets && scenario.groups == ["groups": .even(count: 2)])
    let client = try #require(scenario.behaviours.first)
    #expect(client.name == "client" && client.token == .fixed("t") && client.path == settings.path)
    #expect(client.publishing?.gap == .constant(.milliseconds(100)))
    #expect(client.publishing?.size == .constant(200) && client.publishing?.type == "chat")
    #expect(scenario.phases.map(\.name) == ["join", "run"])
    #expect(scenario.phases[0].clients == 4 && scenario.phases[0].ramp == .seconds(5))
    #expect(scenario.phases[0].pace == 0 && scenario.phases[0].joinPatience == .seconds(35))
    #expect(scenario.phases[0].hold == .zero && scenario.phases[1].hold == .seconds(1))
    #expect(scenario.phases[1].pace == 1 && scenario.phases[1].clients == nil)
    #expect(!scenario.security.verifiesServers && scenario.loops == 3)
  }

  @Test func `With rate 0 nobody publishes`() throws {
    var settings = Fixtures.settings()
    settings.rate = 0
    let scenario = Scenario(settings)
    try scenario.validate()
    #expect(scenario.behaviours[0].publishing == nil)
  }
}
