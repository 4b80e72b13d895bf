import Testing

@testable import MartletLoadTest

@Suite struct ScenarioExplanationTests {
  @Test func `An explanation has all numbers that follow from a scenario`() throws {
    let scenario = try Fixtures.scenario(
      """
      name: two
      description: Two kinds.
      targets: [ws://a:1, ws://b:2]
      groups: {rooms: {count: 10}}
      behaviours:
        - {name: talker, weight: 1, path: "/{group}", publish: {every: 1s-3s, size: 200-300}, stay: 3s, away: 1s}
        - {name: reader, weight: 3, path: "/{group}", transport: websocket_h2, streams_per_connection: 100}
      phases:
        - {name: join, clients: 400, ramp: 10s, pace: 0, wait_for_joins: 40s}
        - {name: run, hold: 90s, pace: 2}
        - {name: leave, clients: 0, ramp: 4s}
      faults: [{at: 20s, drop: 12.5%}]
      thresholds: [lost == 0]
      """)
    #expect(
      ScenarioExplanation.render(scenario) == """
        two: Two kinds.

        targets       ws://a:1, ws://b:2, by turns
        groups        rooms: 10, filled evenly
        clients       talker: 1 of 4 (at most 100), websocket to /{group}, in one of rooms
                        publishes load of 200-300 bytes every 1s to 3s
                        stays for 3s, is away for 1s
                      reader: 3 of 4 (at most 300), websocket_h2 to /{group}, in one of rooms
                        listens
        phases        from 0s     join: 0 → 400 clients over 10s, nobody publishes; waits up to 40s until all have joined
                      from 10s    run: 400 clients for 1m30s, 75 publications/s, about 2817 deliveries/s
                      from 1m40s  leave: 400 → 0 clients over 4s
        faults        at 20s: cuts 12.5% of the connections
        publications  at most 75 per second, about 6825 in all
        sockets       103 at a time; `ulimit -n` has to allow as many files, and 100 more
        time          1m44s, at most 2m14s if clients join slowly; then up to 10s for stragglers
        thresholds    lost == 0

        """)
  }

  @Test func `More sockets than ports are told`() throws {
    var scenario = try Fixtures.scenario()
    scenario.phases[0].clients = 56_001
    scenario.localAddresses = ["127.0.0.1", "127.0.0.2"]
    #expect(ScenarioExplanation.render(scenario).contains("add local_addresses or targets"))
    scenario.phases[0].clients = 56_000
    #expect(!ScenarioExplanation.render(scenario).contains("add local_addresses or targets"))
    #expect(ScenarioExplanation.render(scenario).contains("clients connect sooner"))
    scenario.phases[0].clients = 28_000
    #expect(!ScenarioExplanation.render(scenario).contains("clients connect sooner"))
  }

  @Test(
    arguments: [
      (GroupSpread.even(count: 4), 20, 4.0), (.even(count: 40), 20, 0), (.sized(5), 20, 4),
      (.sized(50), 20, 19),
      (.uniform(count: 10), 21, 2), (.zipf(count: 2, exponent: 1), 10, 5),
      (.zipf(count: 10, exponent: 0), 21, 2),
    ] as [(GroupSpread, Int, Double)])
  func `A member has so many companions`(spread: GroupSpread, members: Int, companions: Double) {
    #expect(abs(spread.companions(of: Double(members)) - companions) < 1e-9)
  }

  @Test func `Clients that leave for good are counted once more when others come`() throws {
    var scenario = try Fixtures.scenario()
    for (index, clients) in [4, 7].enumerated() {
      var phase = Phase(name: "\(index)")
      phase.clients = clients
      scenario.phases.append(phase)
    }
    let load = ScenarioLoad(scenario)
    #expect(load.mostClients == 10 && load.clientsEver == 13)
  }

  @Test(
    arguments: [
      (Duration.milliseconds(250), "250ms"), (.microseconds(500), "0.5ms"), (.seconds(90), "1m30s"),
      (.seconds(59), "59s"), (.seconds(3_600), "1h"), (.seconds(90_061), "1d1h1m1s"), (.zero, "0s"),
      (.milliseconds(60_001), "60001ms"),
    ] as [(Duration, String)])
  func `A duration is spelled for readers`(duration: Duration, text: String) {
    #expect(duration.spelled == text)
  }

  @Test(
    arguments: [
      (0.0, "0"), (1, "1"), (0.5, "0.5"), (12.345, "12.3"), (1_234.5, "1234"),
      (0.000_01, "0.00001"),
      (10_000, "10000"), (100, "100"),
    ] as [(Double, String)])
  func `A number is spelled for readers`(number: Double, text: String) {
    #expect(number.spelled == text)
  }
}
