import Foundation
import MartletCore
import Testing

@testable import MartletConfiguration

@Suite struct ConfigurationTests {
  private func load(
    _ yaml: String, environment: [String: String] = [:], files: [String: String] = [:]
  ) throws -> Configuration {
    try Configuration(
      yaml: yaml, file: "m.yaml", environment: environment, readFile: { files[$0] })
  }

  private func root() -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  @Test func `A configuration that says little has the documented defaults`() throws {
    let configuration = try load("demo: true")
    #expect(configuration.listen == HostAndPort(host: "127.0.0.1", port: 8_080))
    #expect(configuration.backplane.kind == .memory && configuration.backplane.shards == 16)
    #expect(configuration.limits.messageSize == 65_536)
    let presence = configuration.presence
    #expect(presence.grace == .seconds(5) && presence.drainGrace == .seconds(15))
    #expect(presence.batch == .milliseconds(500) && presence.cap == 200)
    #expect(presence.activeWindow == .seconds(300) && presence.awayAfter == .seconds(300))
    #expect(presence.remember == .seconds(30 * 86_400) && presence.metaSize == 1_024)
    #expect(configuration.origins == nil && configuration.routing.routes.isEmpty)
  }

  @Test func `Every key is read`() throws {
    let secret = String(repeating: "s", count: 32)
    let configuration = try load(
      """
      listen: "[::1]:1"
      admin: localhost:2
      loops: 3
      log_level: debug
      demo: true
      origins: ["https://App.example:8443"]
      api_keys: ["${KEY}"]
      backplane:
        kind: redis
        shards: 8
        idempotency_window: 1m
        redis:
          servers: ["redis://a:1", "redis://:p@b:2/3"]
          prefix: my-app:1
          publish_timeout: 250ms
          shard_stream_length: 500
      presence:
        grace: 0s
        drain_grace: 1m
        lease: 1s
        report_interval: 10ms
        batch: 0s
        cap: 0
        active_window: 2m
        away_after: 10m
        remember: 7d
        meta_size: 2KiB
      auth:
        tokens:
          - {algorithm: HS256, secret: "\(secret)", key_id: k, issuer: i, audience: a}
          - {algorithm: ES256, public_key_file: key.pem}
      limits:
        message_size: 2KiB
        frame_size: 4KiB
        pending_bytes: 64KiB
        connections: 5
        recovery_publications: 6
        ping_interval: 1s
        ping_timeout: 100ms
        handshake_timeout: 1s
        drain_timeout: 0s
      routes:
        - path: /ws/p/{id}/
          group: p_{id}
          access:
            claims:
              projects: {contains: "{id}"}
              role: {one_of: [editor, 5]}
              staff: {equals: true}
          history: {size: 7, ttl: 1h}
          presence: true
          events:
            a: {}
            b: {kind: ephemeral, exclude_sender: true}
            c: {kind: presence}
      """, environment: ["KEY": "0123456789abcdef"], files: ["key.pem": "PEM"])
    #expect(configuration.listen.host == "::1" && configuration.loops == 3)
    #expect(configuration.apiKeys.map(\.key) == ["0123456789abcdef"])
    #expect(configuration.origins == ["https://app.example:8443"])
    #expect(configuration.backplane.sites.map(\.account.port) == [1, 2])
    #expect(configuration.backplane.publishTimeout == .milliseconds(250))
    let presence = configuration.presence
    #expect(presence.grace == .zero && presence.drainGrace == .seconds(60))
    #expect(presence.lease == .seconds(1) && presence.reportInterval == .milliseconds(10))
    #expect(presence.batch == .zero && presence.cap == 0 && presence.metaSize == 2_048)
    #expect(presence.activeWindow == .seconds(120) && presence.awayAfter == .seconds(600))
    #expect(presence.remember == .seconds(7 * 86_400))
    #expect(configuration.auth.tokenKeys.map(\.material) == [secret, "PEM"])
    #expect(configuration.limits.frameSize == 4_096)
    let route = try #require(configuration.routing.routes.first)
    #expect(route.retention == Retention(size: 7, ttl: .seconds(3_600)) && route.hasPresence)
    #expect(route.events["b"] == EventRule(.ephemeral, excludesSender: true))
    #expect(route.events["c"] == EventRule(.presence))
    #expect(route.access.conditions.count == 3 && !route.access.allowsAnonymous)
  }

  /// Wrong text, and what the error must name.
  private static let wrong: [(yaml: String, names: [String])] = [
    ("", ["m.yaml", "empty"]),
    ("a: [", ["m.yaml", "YAML"]),
    ("listn: x", ["m.yaml:1", "listn", "listen"]),
    ("listen: nowhere", ["m.yaml:1", "listen", "nowhere", "HOST:PORT"]),
    ("loops: 257", ["loops", "257", "0 to 256"]),
    ("loops: many", ["loops", "many"]),
    ("demo: maybe", ["demo", "maybe", "true or false"]),
    ("log_level: loud", ["log_level", "loud", "trace, debug"]),
    ("origins: [app.example]", ["origins[0]", "app.example", "https://"]),
    ("api_keys: [short]", ["api_keys[0]", "5 bytes", "16"]),
    ("api_keys: [\"${NO_SUCH}\"]", ["api_keys[0]", "NO_SUCH"]),
    ("limits:\n  message_size: 5MB", ["m.yaml:2", "limits.message_size", "5MB", "64KiB"]),
    ("limits:\n  message_size: 1B", ["limits.message_size", "1KiB to 16MiB"]),
    (
      "limits: {message_size: 64KiB, frame_size: 32KiB}",
      ["limits.frame_size", "32KiB", "limits.message_size", "64KiB"]
    ),
    ("limits: {ping_interval: 10}", ["limits.ping_interval", "10", "1s to 1h"]),
    ("backplane: {kind: kafka}", ["backplane.kind", "kafka", "memory, redis"]),
    ("backplane: {kind: redis}", ["backplane.redis", "servers", "redis://"]),
    ("backplane: {redis: {servers: [\"http://x\"]}}", ["backplane.redis.servers[0]", "redis://"]),
    (
      "backplane: {redis: {servers: [\"redis://a\"], cluster: [\"redis://b\"]}}",
      ["backplane.redis", "either servers", "or cluster"]
    ),
    ("backplane: {redis: {servers: []}}", ["backplane.redis.servers", "empty"]),
    (
      "backplane: {redis: {cluster: [\"redis://a\", \"redis://:x@b\"]}}",
      ["backplane.redis.cluster", "different accounts"]
    ),
    (
      "backplane: {redis: {cluster: [\"redis://a/3\"]}}",
      ["backplane.redis.cluster", "database 0"]
    ),
    (
      "backplane: {redis: {tls: {certificate_file: a}}}",
      ["backplane.redis.tls", "private_key_file"]
    ),
    ("backplane: {redis: {linger: 1s}}", ["backplane.redis.linger", "1s", "100ms"]),
    (
      "routes: [{path: /a, group: a, durability: disk}]",
      ["routes[0].durability", "disk", "primary, replicated"]
    ),
    ("backplane: {shards: 0}", ["backplane.shards", "1 to 1024"]),
    ("backplane: {redis: {prefix: \"a b\"}}", ["backplane.redis.prefix", "a b"]),
    ("backplane: 5", ["backplane", "mapping"]),
    ("auth: {tokens: [{algorithm: none}]}", ["auth.tokens[0].algorithm", "none", "HS256"]),
    ("auth: {tokens: [{algorithm: HS256}]}", ["auth.tokens[0]", "secret"]),
    ("auth: {tokens: [{algorithm: HS256, secret: x}]}", ["auth.tokens[0].secret", "32"]),
    (
      "auth: {tokens: [{algorithm: RS256, public_key_file: gone.pem}]}",
      ["auth.tokens[0].public_key_file", "gone.pem"]
    ),
    ("auth: {tokens: [{algorithm: RS256, secret: x}]}", ["auth.tokens[0]", "public_key_file"]),
    ("routes: [{group: a}]", ["routes[0]", "path"]),
    ("routes: [{path: /a}]", ["routes[0]", "group"]),
    ("routes: [{path: a, group: a}]", ["routes[0].path", "\"a\"", "begins with /"]),
    ("routes: [{path: /a, group: \"g_{x}\"}]", ["routes[0].group", "{x}", "{user.id}"]),
    ("routes: [{path: /a, group: a, history: {size: 5}}]", ["routes[0].history", "ttl"]),
    (
      "routes: [{path: /a, group: a, events: {x: {kind: loud}}}]",
      ["routes[0].events.x.kind", "loud", "published, ephemeral, presence"]
    ),
    ("routes: [{path: /a, group: a, events: {ping: {}}}]", ["routes[0].events.ping"]),
    ("routes: [{path: /a, group: a, events: {presence: {}}}]", ["routes[0].events.presence"]),
    (
      "routes: [{path: /a, group: a, presence: true, events: {presence_update: {}}}]",
      ["routes[0].events.presence_update", "another name"]
    ),
    (
      "routes: [{path: /a, group: a, events: {x: {kind: presence}}}]",
      ["routes[0].events.x", "presence: true"]
    ),
    (
      "routes: [{path: /a, group: a, presence: false, events: {x: {kind: presence}}}]",
      ["routes[0].events.x", "presence: true"]
    ),
    (
      "routes: [{path: /a, group: a, presence: true, "
        + "events: {x: {kind: presence, exclude_sender: true}}}]",
      ["routes[0].events.x", "exclude_sender"]
    ),
    (
      "routes: [{path: /a, group: a, access: {claims: {c: {}}}}]",
      ["routes[0].access.claims.c", "equals, one_of, contains"]
    ),
    (
      "routes: [{path: /a, group: \"u_{user.id}\", access: {anonymous: true}}]",
      ["routes[0].group", "anonymous"]
    ),
    ("presence: {grace: -1s}", ["presence.grace", "-1s"]),
    ("presence: {drain_grace: 11m}", ["presence.drain_grace", "11m", "0s to 10m"]),
    ("presence: {batch: 11s}", ["presence.batch", "11s", "0s to 10s"]),
    ("presence: {batch: 5}", ["presence.batch", "5", "0s to 10s"]),
    ("presence: {cap: 1001}", ["presence.cap", "1001", "0 to 1000"]),
    ("presence: {cap: -1}", ["presence.cap", "-1", "0 to 1000"]),
    ("presence: {active_window: 0s}", ["presence.active_window", "0s", "1s to 1d"]),
    ("presence: {away_after: 25h}", ["presence.away_after", "25h", "1s to 1d"]),
    ("presence: {away_after: never}", ["presence.away_after", "never", "1s to 1d"]),
    ("presence: {remember: 366d}", ["presence.remember", "366d", "1s to 365d"]),
    ("presence: {meta_size: 1B}", ["presence.meta_size", "1B", "2B to 64KiB"]),
    ("presence: {meta_size: 65KiB}", ["presence.meta_size", "65KiB", "2B to 64KiB"]),
    ("presence: {away: 5m}", ["presence", "away", "away_after"]),
  ]

  @Test(arguments: wrong.indices)
  func `A wrong configuration is refused, naming the key, the value and what is allowed`(
    index: Int
  ) {
    let (yaml, names) = Self.wrong[index]
    let error = #expect(throws: ConfigurationError.self) { try load(yaml) }
    for name in names {
      #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `A wrong Redis URL is refused without repeating it, for it may hold a password`() {
    let error = #expect(throws: ConfigurationError.self) {
      try load("backplane: {redis: {servers: [\"rediss//:hunter2@x\"]}}")
    }
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func `Environment variables are replaced, with defaults`() throws {
    let yaml = "listen: ${HOST:-127.0.0.1}:${PORT}"
    #expect(try load(yaml, environment: ["PORT": "9"]).listen.description == "127.0.0.1:9")
    #expect(
      try load(yaml, environment: ["PORT": "9", "HOST": "[::1]"]).listen.description == "[::1]:9")
    #expect(throws: ConfigurationError.self) { try load(yaml) }
  }

  @Test func `The configurations of this repository are valid`() throws {
    let systems = try FileManager.default.contentsOfDirectory(
      atPath: root().appendingPathComponent("cluster/systems").path)
    #expect(systems.contains("conformance.yaml"))
    let environment = [
      "MARTLET_REDIS_A": "redis://127.0.0.1:1", "MARTLET_REDIS_B": "redis://127.0.0.1:2",
    ]
    for path in ["demo.yaml", "cluster.yaml"]
      + systems.filter({ $0.hasSuffix(".yaml") }).map({ "systems/\($0)" })
    {
      let file = root().appendingPathComponent("cluster/\(path)")
      let yaml = try String(contentsOf: file, encoding: .utf8)
      let routing = try load(yaml, environment: environment).routing
      #expect(!routing.routes.isEmpty || routing.isEcho("/echo"), "\(path)")
    }
  }

  @Test func `Every key of the documentation is known, and every known key is documented`() throws {
    let page = try String(
      contentsOf: root().appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    // The errors about unknown keys list the known ones.
    for (section, prefix) in [
      ("", ""), ("backplane", ""), ("backplane: {redis", "redis."),
      ("backplane: {redis: {tls", "redis.tls."), ("presence", ""),
      ("limits", ""),
    ] {
      let depth = section.split(separator: " ").count
      let yaml =
        section.isEmpty ? "x_: 1" : "\(section): {x_: 1}" + String(repeating: "}", count: depth - 1)
      let error = try #require(throws: ConfigurationError.self) { try load(yaml) }
      let known = error.problem.components(separatedBy: "there are ").last ?? ""
      for key in known.components(separatedBy: ", ") where !["redis", "auth", "tls"].contains(key) {
        let isDocumented = page.contains("| `\(prefix)\(key)`") || page.contains("## `\(key)`")
        #expect(isDocumented, "\(section) \(key)")
      }
    }
  }
}
