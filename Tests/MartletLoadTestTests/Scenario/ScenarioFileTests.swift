import MartletConfiguration
import Testing

@testable import MartletLoadTest

@Suite struct ScenarioFileTests {
  private static let secret = String(repeating: "s", count: 32)

  @Test func `A scenario that says little has the documented defaults`() throws {
    let scenario = try Fixtures.scenario()
    var talker = Behaviour(name: "talker", group: "rooms")
    talker.path = "/ws/{group}/"
    talker.publishing = Publishing(gap: .constant(.seconds(1)))
    var join = Phase(name: "join")
    join.clients = 10
    join.ramp = .seconds(1)
    join.pace = 0
    var run = Phase(name: "run")
    run.hold = .seconds(10)
    #expect(
      scenario
        == Scenario(
          name: "s", targets: [Target(host: "127.0.0.1", port: 1)],
          groups: ["rooms": .even(count: 2)],
          behaviours: [talker], phases: [join, run]))
    #expect(talker.publishing?.type == "load" && talker.publishing?.size == .constant(128))
  }

  @Test func `Every key is read`() throws {
    let scenario = try Fixtures.scenario(
      """
      name: all
      description: Everything.
      targets: [ws://a:1, "wss://${HOST}"]
      target_choice: random
      local_addresses: [127.0.0.2, "::1"]
      tls: {ca_file: ca.pem, verify: false}
      seed: 18446744073709551615
      loops: 3
      interval: 5s
      reconnect_delay: 1s-30s
      grace: 20s
      sampling: {observers: 2.5%, read_every: 100ms}
      groups:
        rooms: {count: 100, spread: zipf, exponent: 1.5}
        boards: {size: 10}
        halls: {count: 5, spread: uniform}
      behaviours:
        - name: talker
          weight: 8
          group: rooms
          path: /ws/room/{group}/?name=c{client}-{started}
          transport: websocket_h2
          compression: true
          streams_per_connection: 7
          token:
            algorithm: HS256
            secret: "${SECRET}"
            claims: {sub: "user-{client}", rooms: ["{group}"], n: 1, ok: true}
            lifetime: 10m
          publish: {type: chat_message, every: 2s-10s, size: 264-1KiB, fields: {message: hello, n: [1.0]}}
          watch_presence: true
          stay: 30s-5m
          away: 1s-5s
        - {name: b, group: boards, path: "/b/{group}", token: abc, publish: {every: {exponential: 2s}, ephemeral: true}}
        - {name: c, group: halls, path: "/c/{group}", transport: sse, token: {file: tokens}, publish: {rate: 0.5}}
      phases:
        - {name: join, clients: 1000, ramp: 10s, pace: 0, wait_for_joins: 30s}
        - {hold: 60s, pace: 2.5}
      faults:
        - {at: 30s, drop: 10%}
        - {at: 40s, stall: 0.5%, for: 5s}
        - {at: 50s, run: "kill -9 $(cat gateway.pid)"}
      thresholds: ["deliver.p99 < 200ms", lost == 0]
      """,
      environment: ["HOST": "b", "SECRET": Self.secret],
      files: ["ca.pem": "PEM", "tokens": "one\ntwo\n"])
    #expect(scenario.name == "all" && scenario.summary == "Everything.")
    #expect(
      scenario.targets == [
        Target(host: "a", port: 1), Target(host: "b", port: 443, isSecure: true),
      ])
    #expect(scenario.targetChoice == .random && scenario.localAddresses == ["127.0.0.2", "::1"])
    #expect(scenario.security == .init(authorityFile: "ca.pem", verifiesServers: false))
    #expect(scenario.seed == .max && scenario.loops == 3 && scenario.interval == .seconds(5))
    #expect(scenario.reconnectDelay == DelayRange(lowest: .seconds(1), highest: .seconds(30)))
    #expect(scenario.grace == .seconds(20))
    #expect(
      scenario.sampling == Sampling(observers: 0.025, readEvery: .milliseconds(100)))
    #expect(
      scenario.groups == [
        "rooms": .zipf(count: 100, exponent: 1.5), "boards": .sized(10),
        "halls": .uniform(count: 5),
      ])
    let talker = scenario.behaviours[0]
    #expect(talker.weight == 8 && talker.transport == .webSocketOverHTTP2 && talker.isCompressed)
    #expect(talker.streamsPerConnection == 7 && talker.watchesPresence)
    #expect(talker.path == "/ws/room/{group}/?name=c{client}-{started}")
    #expect(
      talker.token
        == .signed(
          algorithm: .hs256, secret: Self.secret,
          claims: #"{"sub":"user-{client}","rooms":["{group}"],"n":1,"ok":true}"#,
          lifetime: .seconds(600)))
    #expect(talker.publishing?.type == "chat_message")
    #expect(talker.publishing?.gap == .uniform(.seconds(2), .seconds(10)))
    #expect(talker.publishing?.size == .uniform(264, 1_024))
    #expect(talker.publishing?.fields == #""message":"hello","n":[1.0]"#)
    #expect(talker.stay == DelayRange(lowest: .seconds(30), highest: .seconds(300)))
    #expect(talker.away == DelayRange(lowest: .seconds(1), highest: .seconds(5)))
    #expect(scenario.behaviours[1].token == .fixed("abc"))
    #expect(scenario.behaviours[1].publishing?.gap == .exponential(mean: .seconds(2)))
    #expect(scenario.behaviours[1].publishing?.isEphemeral == true)
    #expect(scenario.behaviours[2].token == .file("tokens"))
    #expect(scenario.behaviours[2].transport == .eventStream)
    #expect(scenario.behaviours[2].publishing?.gap == .constant(.seconds(2)))
    #expect(scenario.phases[0].joinPatience == .seconds(30) && scenario.phases[0].clients == 1_000)
    #expect(scenario.phases[1].name == "phase 2" && scenario.phases[1].pace == 2.5)
    #expect(scenario.phases[1].clients == nil)
    #expect(
      scenario.faults == [
        Fault(at: .seconds(30), action: .drop(share: 0.1)),
        Fault(at: .seconds(40), action: .stall(share: 0.005, .seconds(5))),
        Fault(at: .seconds(50), action: .run(command: "kill -9 $(cat gateway.pid)")),
      ])
    #expect(scenario.thresholds.map(\.text) == ["deliver.p99 < 200ms", "lost == 0"])
  }

  @Test func `An adapter is read`() throws {
    let scenario = try Fixtures.scenario(
      Fixtures.yaml([
        "adapter": """

          join: {action: join, room: "room-{group}"}
          joined: {key: data.action, equals: joined}
          publish: '{"text":"{mark}","id":{ref}}'
          mark: [data, a.b]
          acknowledgement: {key: action, equals: ack}
          acknowledged_sequence: data.id
          audience: others
        """,
        "behaviours": "[{name: t, path: /ws, publish: {rate: 1}}]",
      ]))
    var adapter = ProtocolAdapter(publish: #"{"text":"{mark}","id":{ref}}"#)
    adapter.join = #"{"action":"join","room":"room-{group}"}"#
    adapter.joined = .init(key: ["data", "action"], equals: "joined")
    adapter.mark = ["data", "a.b"]
    adapter.acknowledgement = .init(key: ["action"], equals: "ack")
    adapter.acknowledgedSequence = ["data", "id"]
    adapter.audience = .others
    #expect(scenario.adapter == adapter)
  }

  @Test(arguments: [
    ("behaviours", "behaviors", 1), ("phases", "phase", 3), ("groups", "group", 2),
  ])
  func `A misspelt key that is needed is named with its line`(name: String, typo: String, line: Int)
  {
    let yaml = Fixtures.yaml().replacing("\(name):", with: "\(typo):")
    let error = #expect(throws: ConfigurationError.self) { try Fixtures.scenario(yaml) }
    #expect(error?.key == typo && error?.line == line, "\(error?.description ?? "")")
    #expect(error?.problem.contains("is not a known key") == true)
  }

  @Test(arguments: [
    ("seeds: 1", "seeds", "is not a known key"), ("seed: -1", "seed", "from 0 to 184467"),
    ("loops: 257", "loops", "from 0 to 256"), ("interval: 10ms", "interval", "100ms"),
    ("grace: 2h", "grace", "1h"),
    ("reconnect_delay: 2s-1s", "reconnect_delay", "smaller one first"),
    ("target_choice: nearest", "target_choice", "round_robin, random"),
    ("local_addresses: [localhost]", "local_addresses[0]", "an IP address"),
    ("tls: {ca_file: no.pem}", "tls.ca_file", "cannot read \"no.pem\""),
    ("name: ''", "name", "1 to 64 characters"),
    ("sampling: {}", "sampling", "observers is missing"),
    ("sampling: {observers: 0%}", "sampling.observers", "such as 10%"),
    ("sampling: {observers: 1%, read_every: 1m}", "sampling.read_every", "from 10ms"),
    ("thresholds: [lost]", "thresholds[0]", "no comparison"),
    ("faults: [{at: 1s}]", "faults[0]", "exactly one of drop"),
    ("faults: [{at: 1s, drop: 10}]", "faults[0].drop", "such as 10%"),
    ("faults: [{at: 1s, drop: 101%}]", "faults[0].drop", "up to 100%"),
    ("faults: [{at: 1s, stall: 1%}]", "faults[0]", "for is missing"),
    ("faults: [{at: 1s, drop: 1%, for: 1s}]", "faults[0].for", "is for stall"),
    ("description: ${NONE}", "description", "NONE is not set"),
  ])
  func `A refused key names its line`(text: String, key: String, problem: String) {
    let yaml = Fixtures.yaml() + "\n# a comment\n\(text)"
    let error = #expect(throws: ConfigurationError.self) { try Fixtures.scenario(yaml) }
    #expect(error?.file == "s.yaml" && error?.line == 6)
    #expect(error?.key == key)
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  @Test(arguments: [
    ("targets", "[http://a]", "targets[0]", "allowed is ws://HOST"),
    ("groups", "{rooms: {}}", "groups.rooms", "exactly one of count"),
    ("groups", "{rooms: {count: 1, size: 1}}", "groups.rooms", "exactly one of count"),
    ("groups", "{rooms: {count: 0}}", "groups.rooms.count", "from 1 to 1000000"),
    (
      "groups", "{rooms: {size: 1, spread: zipf}}", "groups.rooms.spread",
      "filled one after the other"
    ),
    ("groups", "{rooms: {count: 2, exponent: 1}}", "groups.rooms.exponent", "is for spread: zipf"),
    ("phases", "[{name: a, hold: 8d, clients: 1}]", "phases[0].hold", "7d"),
    ("phases", "[{name: a, clients: -1}]", "phases[0].clients", "from 0 to 1000000"),
    ("phases", "[{name: a, clients: 1, hold: 1s, pace: 1001}]", "phases[0].pace", "from 0 to 1000"),
    ("phases", "[{name: a, clients: 1, hold: 1s, pace: nan}]", "phases[0].pace", "from 0 to 1000"),
    ("adapter", "{publish: text}", "adapter.publish", "needs {mark} exactly once"),
    ("adapter", "{publish: '{mark} {room}'}", "adapter.publish", "{room} is unknown"),
    (
      "adapter", "{publish: '{mark}', acknowledgement: {key: a, equals: b}}",
      "adapter.acknowledgement", "needs {ref}"
    ),
    ("adapter", "{publish: '{mark}', mark: a..b}", "adapter.mark", "data.body"),
  ])
  func `A refused value names its key`(key: String, value: String, place: String, problem: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try Fixtures.scenario(Fixtures.yaml([key: value]))
    }
    #expect(error?.key == place && error?.line != nil)
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  @Test(arguments: [
    ("weight: 0", "weight", "from 1 to 1000"),
    ("transport: quic", "transport", "websocket, websocket_h2, sse, sse_h2, poll"),
    (
      "streams_per_connection: 2", "streams_per_connection",
      "the transports websocket_h2 and sse_h2"
    ),
    ("away: 1s", "away", "needs stay"), ("token: ''", "token", "visible ASCII"),
    ("token: {file: none}", "token.file", "cannot read"),
    ("token: {file: empty}", "token.file", "has no tokens"),
    ("token: {algorithm: RS256, secret: a}", "token.algorithm", "HS256, HS384, HS512"),
    ("token: {algorithm: HS256}", "token", "secret or secret_file"),
    ("token: {algorithm: HS256, secret: short}", "token.secret", "needs at least 32"),
    ("publish: {ratte: 1}", "publish.ratte", "not a known key; did you mean rate?"),
    ("publish: {}", "publish", "exactly one of every"),
    ("publish: {every: 0s}", "publish.every", "from 1ms"),
    ("publish: {rate: 0}", "publish.rate", "from 0.00001 to 10000"),
    ("publish: {rate: 1, size: 9-8}", "publish.size", "smaller one first"),
    ("publish: {rate: 1, fields: {ref: 1}}", "publish.fields.ref", "is a field of the protocol"),
    ("publish: {rate: 1, fields: text}", "publish.fields", "a mapping of keys is expected"),
    ("publishes: {rate: 1}", "publishes", "is not a known key"),
    (
      "publish: {rate: 1, event: a}", "publish.event",
      "not a known key; there are ephemeral, every, fields, rate, size, type"
    ),
  ])
  func `A refused key of a behaviour names its place`(text: String, key: String, problem: String) {
    let yaml = Fixtures.yaml(["behaviours": "[{name: t, path: '/{group}', \(text)}]"])
    let error = #expect(throws: ConfigurationError.self) {
      try Fixtures.scenario(yaml, files: ["empty": "\n"])
    }
    #expect(error?.key == "behaviours[0].\(key)")
    #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
  }

  @Test func `Claims have names of clients and groups only, and no times`() {
    for (claims, problem) in [
      ("{sub: '{user}'}", "{user} is unknown"), ("{exp: 1}", "see lifetime"),
    ] {
      let yaml = Fixtures.yaml([
        "behaviours":
          "[{name: t, path: '/{group}', token: {algorithm: HS256, secret: \(Self.secret), claims: \(claims)}}]"
      ])
      let error = #expect(throws: ConfigurationError.self) { try Fixtures.scenario(yaml) }
      #expect(error?.problem.contains(problem) == true)
    }
  }

  @Test func `A secret may come from a file, without the space around it`() throws {
    let yaml = Fixtures.yaml([
      "behaviours": "[{name: t, path: '/{group}', token: {algorithm: HS256, secret_file: key}}]"
    ])
    let scenario = try Fixtures.scenario(yaml, files: ["key": "\n\(Self.secret) \n"])
    #expect(
      scenario.behaviours[0].token
        == .signed(
          algorithm: .hs256, secret: Self.secret, claims: #"{"sub":"client-{client}"}"#,
          lifetime: .seconds(3_600)))
  }

  @Test func `What does not fit together names its line, too`() {
    let yaml = """
      targets: ws://a
      groups: {rooms: {count: 2}}
      behaviours:
        - name: talker
          path: /all/
      phases: [{name: run, clients: 1, hold: 1s}]
      """
    let error = #expect(throws: ConfigurationError.self) { try Fixtures.scenario(yaml) }
    #expect(error?.description.hasPrefix("s.yaml:5: behaviours[0].path: ") == true)
  }
}
