import MartletCore
import Testing

@testable import MartletConfiguration

@Suite struct AuthConfigurationTests {
  private static let files = ["hook-secret": "a-secret-of-16-bytes\n", "rsa.pem": "PEM"]

  private func load(_ yaml: String) throws -> Configuration {
    try Configuration(
      yaml: yaml, file: "m.yaml", environment: [:], readFile: { Self.files[$0] })
  }

  @Test func `Without a word there are neither keys nor a hook`() throws {
    let auth = try load("listen: 127.0.0.1:0").auth
    #expect(auth.tokenKeys.isEmpty && auth.keySets.isEmpty && auth.hook == nil)
    #expect(auth.clockSkew == .seconds(10) && auth.tokenSize == 8 << 10)
  }

  @Test func `Everything can be said`() throws {
    let configuration = try load(
      """
      auth:
        clock_skew: 0s
        token_size: 4KiB
        tokens:
          - {algorithm: PS384, public_key_file: rsa.pem, key_id: k1}
        jwks:
          - url: https://id.example/jwks.json
            algorithms: [RS256, EdDSA]
            issuer: https://id.example/
            audience: chat
            refresh: 5m
            timeout: 1s
            stale_for: 1h
          - {url: "http://10.0.0.1/keys", algorithms: [ES512], insecure: true}
        hook:
          url: http://localhost:9000/access?v=1
          events: [publish]
          secret_file: hook-secret
          timeout: 500ms
          concurrency: 8
          queue: 50
          cache_size: 0
          circuit_failures: 2
          circuit_open: 1s
      routes:
        - {path: /a, group: a}
        - {path: /b, group: b, access: {hook: [connect, join]}}
        - {path: /c, group: c, access: {hook: []}}
      """)
    let auth = configuration.auth
    #expect(auth.clockSkew == .zero && auth.tokenSize == 4 << 10)
    #expect(auth.tokenKeys.map(\.algorithm) == [.ps384] && auth.tokenKeys[0].keyID == "k1")
    let set = auth.keySets[0]
    #expect(set.url.text == "https://id.example/jwks.json" && set.algorithms == [.rs256, .edDSA])
    #expect(set.issuer == "https://id.example/" && set.audience == "chat")
    #expect(
      set.refresh == .seconds(300) && set.timeout == .seconds(1) && set.staleFor == .seconds(3_600))
    let other = auth.keySets[1]
    #expect(other.refresh == .seconds(900) && other.staleFor == .seconds(86_400))
    let hook = try #require(auth.hook)
    #expect(hook.secret == "a-secret-of-16-bytes" && hook.timeout == .milliseconds(500))
    #expect(hook.concurrency == 8 && hook.queue == 50 && hook.cacheSize == 0)
    #expect(hook.circuitFailures == 2 && hook.circuitOpen == .seconds(1))
    #expect(
      configuration.routing.routes.map(\.access.hookEvents)
        == [[.publish], [.connect, .join], []])
  }

  @Test func `A hook is asked about connections and joins unless told otherwise`() throws {
    let configuration = try load(
      "auth: {hook: {url: \"https://app.example/\"}}\nroutes: [{path: /a, group: a}]")
    #expect(configuration.routing.routes[0].access.hookEvents == [.connect, .join])
  }

  @Test func `Without a hook no route asks`() throws {
    let configuration = try load("routes: [{path: /a, group: a}]")
    #expect(configuration.routing.routes[0].access.hookEvents == [])
  }

  /// Wrong text, and what the error must name.
  private static let wrong: [(yaml: String, names: [String])] = [
    ("auth:\n  clock_skew: 6m", ["m.yaml:2", "auth.clock_skew", "0s to 5m"]),
    ("auth:\n  clock_skew: -1s", ["m.yaml:2", "auth.clock_skew"]),
    ("auth:\n  token_size: 1MiB", ["m.yaml:2", "auth.token_size", "1KiB to 64KiB"]),
    ("auth:\n  keys: []", ["m.yaml:2", "auth.keys", "jwks"]),
    ("auth: {tokens: [{algorithm: HS512, secret: 12345678901234567890123456789012}]}", ["64"]),
    ("auth: {tokens: [{algorithm: HS384, secret: 12345678901234567890123456789012}]}", ["48"]),
    ("auth: {tokens: [{algorithm: EdDSA, secret: x}]}", ["auth.tokens[0]", "public_key_file"]),
    (
      "auth: {tokens: [{algorithm: RS256, public_key_file: rsa.pem, secret: x}]}",
      ["auth.tokens[0]", "public_key_file, and nothing else"]
    ),
    ("auth: {tokens: [{algorithm: none, secret: x}]}", ["none", "HS256", "EdDSA"]),
    (
      "auth:\n  jwks:\n    - {algorithms: [RS256]}",
      ["m.yaml:3", "auth.jwks[0]", "url is missing"]
    ),
    (
      "auth:\n  jwks:\n    - {url: \"https://a/\"}",
      ["m.yaml:3", "auth.jwks[0]", "algorithms is missing"]
    ),
    (
      "auth:\n  jwks:\n    - url: https://a/\n      algorithms: []",
      ["m.yaml:4", "auth.jwks[0].algorithms", "empty"]
    ),
    (
      "auth:\n  jwks:\n    - url: https://a/\n      algorithms: [RS256, HS256]",
      ["m.yaml:4", "auth.jwks[0].algorithms[1]", "HS256", "one of RS256"]
    ),
    (
      "auth:\n  jwks:\n    - url: http://id.example/keys\n      algorithms: [RS256]",
      ["m.yaml:3", "auth.jwks[0].url", "not encrypted", "insecure: true"]
    ),
    (
      "auth:\n  jwks:\n    - url: ftp://id.example/keys\n      algorithms: [RS256]",
      ["m.yaml:3", "auth.jwks[0].url", "https://HOST"]
    ),
    (
      "auth:\n  jwks:\n    - url: https://a/\n      algorithms: [RS256]\n      refresh: 1s",
      ["m.yaml:5", "auth.jwks[0].refresh", "10s to 7d"]
    ),
    (
      "auth:\n  jwks:\n    - {url: https://a/, algorithms: [RS256]}\n    - {url: https://a/, algorithms: [ES256]}",
      ["m.yaml:4", "auth.jwks[1]", "same url as auth.jwks[0]"]
    ),
    ("auth:\n  hook: {}", ["m.yaml:2", "auth.hook", "url is missing"]),
    ("auth:\n  hook:\n    url: http://app/", ["m.yaml:3", "auth.hook.url", "not encrypted"]),
    (
      "auth:\n  hook:\n    url: https://app/\n    events: [leave]",
      ["m.yaml:4", "auth.hook.events[0]", "leave", "connect, join, publish"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    secret: short",
      ["m.yaml:4", "auth.hook.secret", "5 bytes", "16"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    secret: \"a secret with spaces in it\"",
      ["m.yaml:4", "auth.hook.secret", "printable ASCII"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    secret: a-secret-of-16-bytes\n    secret_file: hook-secret",
      ["m.yaml:3", "auth.hook", "at most one"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    secret_file: gone",
      ["m.yaml:4", "auth.hook.secret_file", "gone"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    timeout: 5m",
      ["m.yaml:4", "auth.hook.timeout", "10ms to 1m"]
    ),
    (
      "auth:\n  hook:\n    url: https://app/\n    concurrency: 0",
      ["m.yaml:4", "auth.hook.concurrency", "1 to 1000"]
    ),
    (
      "routes:\n  - path: /a\n    group: a\n    access:\n      hook: [join]",
      ["m.yaml:5", "routes[0].access.hook", "auth.hook"]
    ),
    (
      "auth: {hook: {url: https://app/}}\nroutes:\n  - path: /a\n    group: a\n    access:\n      hook: [subscribe]",
      ["m.yaml:6", "routes[0].access.hook[0]", "subscribe", "connect, join, publish"]
    ),
  ]

  @Test(arguments: wrong.indices)
  func `A wrong configuration is refused at its line`(index: Int) throws {
    let (yaml, names) = Self.wrong[index]
    let error = try #require(throws: ConfigurationError.self) { try load(yaml) }
    for name in names { #expect("\(error)".contains(name), "\(error)") }
  }

  @Test func `Errors do not repeat secrets`() throws {
    for yaml in [
      "auth: {hook: {url: https://app/, secret: hush hush hush hush}}",
      "auth: {hook: {url: https://app/, secret: hush}}",
      "auth: {tokens: [{algorithm: HS256, secret: hush}]}",
    ] {
      let error = try #require(throws: ConfigurationError.self) { try load(yaml) }
      #expect(!"\(error)".contains("hush"))
    }
  }
}
