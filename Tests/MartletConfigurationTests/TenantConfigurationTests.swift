import MartletCore
import Testing

@testable import MartletConfiguration

@Suite struct TenantConfigurationTests {
  private func load(_ yaml: String) throws -> Configuration {
    try Configuration(yaml: yaml, file: "m.yaml", environment: [:], readFile: { _ in nil })
  }

  @Test func `Without tenants there are none, and every key is for the whole cluster`() throws {
    let configuration = try load("api_keys: [key-of-16-bytes-1]")
    #expect(configuration.tenants == nil)
    #expect(configuration.apiKeys.map(\.tenant) == [nil])
  }

  @Test func `Tenants are named by a claim, and keys may be for one of them`() throws {
    let configuration = try load(
      """
      api_keys:
        - key-of-the-cluster
        - {key: key-of-acme-only, tenant: acme}
        - key: another-key-of-acme
          tenant: acme
        - {key: key-of-the-number, tenant: 42}
      tenants: {claim: org}
      routes: [{path: /a, group: a, access: {anonymous: false}}]
      """)
    #expect(configuration.tenants?.claim == "org")
    #expect(configuration.apiKeys.map { $0.tenant?.rawValue } == [nil, "acme", "acme", "42"])
    #expect(configuration.apiKeys[1].key == "key-of-acme-only")
  }

  /// Wrong text, and what the error must name.
  private static let wrong: [(yaml: String, names: [String])] = [
    ("tenants: {}", ["m.yaml:1", "tenants", "claim is missing"]),
    ("tenants: org", ["m.yaml:1", "tenants", "mapping"]),
    ("tenants: {claim: \"\"}", ["m.yaml:1", "tenants.claim", "such as org"]),
    ("tenants:\n  claim: org\n  clam: org", ["m.yaml:3", "tenants.clam", "claim"]),
    (
      "tenants: {claim: org}\nroutes:\n  - path: /a\n    group: a\n    access:\n      anonymous: true",
      ["m.yaml:6", "routes[0].access.anonymous", "tenants", "an anonymous user has none"]
    ),
    (
      "api_keys:\n  - {key: key-of-16-bytes-1, tenant: acme}",
      ["m.yaml:2", "api_keys[0].tenant", "top-level tenants"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - {key: key-of-16-bytes-1}",
      ["m.yaml:3", "api_keys[0]", "tenant is missing"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - {tenant: acme}",
      ["m.yaml:3", "api_keys[0]", "key is missing"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - {key: short, tenant: acme}",
      ["m.yaml:3", "api_keys[0].key", "5 bytes", "16"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - {key: key-of-16-bytes-1, tenant: a/b}",
      ["m.yaml:3", "api_keys[0].tenant", "a/b", "1 to 64 bytes"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - {key: key-of-16-bytes-1, tenant: a, scope: b}",
      ["m.yaml:3", "api_keys[0].scope", "key, tenant"]
    ),
    (
      "api_keys:\n  - key-of-16-bytes-1\n  - key-of-16-bytes-2\n  - key-of-16-bytes-1",
      ["m.yaml:4", "api_keys[2]", "same key as api_keys[0]"]
    ),
    (
      "tenants: {claim: org}\napi_keys:\n  - key-of-16-bytes-1\n  - {key: key-of-16-bytes-1, tenant: a}",
      ["m.yaml:4", "api_keys[1]", "same key as api_keys[0]"]
    ),
  ]

  @Test(arguments: wrong.indices)
  func `A wrong configuration of tenants is refused at its line, without repeating keys`(
    index: Int
  ) {
    let (yaml, names) = Self.wrong[index]
    let error = #expect(throws: ConfigurationError.self) { try load(yaml) }
    let text = error?.description ?? ""
    for name in names { #expect(text.contains(name), "\(text)") }
    #expect(!text.contains("bytes-1"))
  }
}
