import Foundation
import Testing

@testable import MartletConfiguration

@Suite struct TLSConfigurationTests {
  private static let secret = String(repeating: "s", count: 32)
  private static let files = [
    "c.pem": "certificate", "k.pem": "key", "ca.pem": "authority", "s.txt": " \(secret)\n",
    "short.txt": String(repeating: "s", count: 31) + "   ",
  ]

  private func load(_ yaml: String) throws -> Configuration {
    try Configuration(
      yaml: yaml, file: "m.yaml", environment: ["SECRET": Self.secret],
      readFile: { Self.files[$0] })
  }

  @Test func `Without tls the listener speaks plain text`() throws {
    #expect(try load("demo: true").tls == nil)
    #expect(try load("tls:").tls == nil)
  }

  @Test func `A certificate and a key are enough`() throws {
    let tls = try #require(try load("tls: {certificate_file: c.pem, private_key_file: k.pem}").tls)
    #expect(tls.identity.certificateFile == "c.pem" && tls.identity.privateKeyFile == "k.pem")
    #expect(tls.names.isEmpty && tls.clientCertificates == .none && tls.clientAuthorityFile == nil)
    #expect(tls.minimumVersion == .tls12 && tls.ticketSecret == .ofProcess)
    #expect(tls.reloadInterval == .seconds(10))
  }

  @Test func `Every key is read`() throws {
    let tls = try #require(
      try load(
        """
        tls:
          certificate_file: c.pem
          private_key_file: k.pem
          names:
            - server_names: [Chat.example, "*.chat.example"]
              certificate_file: c.pem
              private_key_file: k.pem
            - {server_names: ["*.example"], certificate_file: c.pem, private_key_file: k.pem}
          client_certificates: required
          client_ca_file: ca.pem
          minimum_version: TLSv1.3
          ticket_secret: ${SECRET}
          reload_interval: 1m
        """
      ).tls)
    #expect(tls.names.map(\.serverNames) == [["Chat.example", "*.chat.example"], ["*.example"]])
    #expect(tls.names[0].certificateFile == "c.pem" && tls.names[0].privateKeyFile == "k.pem")
    #expect(tls.clientCertificates == .required && tls.clientAuthorityFile == "ca.pem")
    #expect(tls.minimumVersion == .tls13 && tls.ticketSecret == .text(Self.secret))
    #expect(tls.reloadInterval == .seconds(60))
    let other = try load(
      "tls: {certificate_file: c.pem, private_key_file: k.pem, ticket_secret_file: s.txt}")
    #expect(other.tls?.ticketSecret == .file("s.txt"))
  }

  private static let start = "tls:\n  certificate_file: c.pem\n  private_key_file: k.pem\n"

  /// What follows ``start``, and what the error must name.
  private static let wrong: [(yaml: String, names: [String])] = [
    ("  certificate: c.pem", ["m.yaml:4", "tls.certificate", "certificate_file"]),
    (
      "  client_certificates: always",
      ["m.yaml:4", "tls.client_certificates", "none, optional, required"]
    ),
    ("  client_certificates: optional", ["m.yaml:2", "tls", "needs client_ca_file"]),
    ("  client_ca_file: ca.pem", ["m.yaml:4", "tls.client_ca_file", "nobody is asked"]),
    (
      "  client_certificates: required\n  client_ca_file: no.pem",
      ["m.yaml:5", "tls.client_ca_file", "cannot read the file no.pem"]
    ),
    ("  minimum_version: TLSv1.1", ["m.yaml:4", "tls.minimum_version", "TLSv1.2, TLSv1.3"]),
    ("  ticket_secret: short", ["m.yaml:4", "tls.ticket_secret", "5 bytes", "32"]),
    ("  ticket_secret_file: short.txt", ["m.yaml:4", "tls.ticket_secret_file", "31 bytes", "32"]),
    (
      "  ticket_secret_file: no.txt",
      ["m.yaml:4", "tls.ticket_secret_file", "cannot read the file no.txt"]
    ),
    (
      "  ticket_secret: \(secret)\n  ticket_secret_file: s.txt",
      ["m.yaml:5", "tls.ticket_secret_file", "one of the two"]
    ),
    ("  reload_interval: 500ms", ["m.yaml:4", "tls.reload_interval", "1s", "1d"]),
    ("  names: chat.example", ["m.yaml:4", "tls.names", "list"]),
    (
      "  names:\n    - {certificate_file: c.pem, private_key_file: k.pem}",
      ["m.yaml:5", "tls.names[0]", "server_names is missing"]
    ),
    (
      "  names:\n    - {server_names: [], certificate_file: c.pem, private_key_file: k.pem}",
      ["m.yaml:5", "tls.names[0].server_names", "at least one"]
    ),
    (
      "  names:\n    - {server_names: [a.example], certificate_file: c.pem}",
      ["m.yaml:5", "tls.names[0]", "private_key_file is missing"]
    ),
    (
      "  names:\n    - server_names:\n        - a.example\n        - \"*\"",
      ["m.yaml:7", "tls.names[0].server_names[1]", "\"*\"", "one label"]
    ),
    (
      "  names:\n    - {server_names: [a.example], certificate_file: c.pem, private_key_file: k.pem}\n"
        + "    - {server_names: [b.example, A.Example.], certificate_file: c.pem, private_key_file: k.pem}",
      ["m.yaml:6", "tls.names[1].server_names[1]", "is also tls.names[0].server_names[0]"]
    ),
  ]

  @Test(arguments: wrong.indices)
  func `Wrong settings are refused at their line, without repeating secrets`(index: Int) {
    let (yaml, names) = Self.wrong[index]
    let error = #expect(throws: ConfigurationError.self) { try load(Self.start + yaml) }
    let text = error?.description ?? ""
    for name in names { #expect(text.contains(name), "\(text)") }
    #expect(!text.contains("sssss") && !text.contains("short;"))
  }

  @Test func `Every key is documented`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    let start = try #require(page.range(of: "## `tls`"))
    let rest = page[start.upperBound...]
    let section = rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    // The error about an unknown key lists the known ones.
    let error = try #require(throws: ConfigurationError.self) { try load(Self.start + "  x_: 1") }
    let known = error.problem.components(separatedBy: "there are ").last ?? ""
    for key in known.components(separatedBy: ", ") {
      #expect(section.contains("`\(key)`"), "\(key)")
    }
  }

  @Test(arguments: [
    ("tls: {}", "certificate_file is missing"),
    ("tls: {certificate_file: c.pem}", "private_key_file is missing"),
    (
      "tls: {certificate_file: no.pem, private_key_file: k.pem}",
      "tls.certificate_file: cannot read the file no.pem"
    ),
    ("tls: true", "mapping"),
  ])
  func `A certificate and a key must be there`(yaml: String, problem: String) {
    let error = #expect(throws: ConfigurationError.self) { try load(yaml) }
    #expect(error?.description.contains(problem) == true && error?.line == 1)
  }
}
