internal import MartletCore

extension Configuration {
  /// TLS of the listener. Files are PEM.
  package struct TLS: Sendable {
    package enum ClientCertificates: String, CaseIterable, Sendable {
      case none
      case optional
      case required
    }

    package enum Version: String, CaseIterable, Sendable {
      case tls12 = "TLSv1.2"
      case tls13 = "TLSv1.3"
    }

    /// A certificate with its chain, and its key.
    package struct Identity: Equatable, Sendable {
      package var certificateFile: String
      package var privateKeyFile: String
      /// None for the default identity.
      package var serverNames: [String] = []
    }

    /// Where the keys of session tickets come from.
    package enum TicketSecret: Equatable, Sendable {
      case ofProcess
      case text(String)
      case file(String)

      static let minimumLength = 32
    }

    package var identity: Identity
    package var names: [Identity] = []
    package var clientCertificates = ClientCertificates.none
    package var clientAuthorityFile: String?
    package var minimumVersion = Version.tls12
    package var ticketSecret = TicketSecret.ofProcess
    package var reloadInterval = Duration.seconds(10)
  }
}

extension Configuration.TLS {
  /// - Parameter readFile: files that it cannot read are refused here, with their line.
  init(
    _ mapping: ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    identity = try Identity(&mapping, readFile)
    if let node = mapping.optional("names") { names = try Self.names(node, readFile) }
    if let node = mapping.optional("client_certificates") {
      clientCertificates = try node.oneOf(ClientCertificates.self)
    }
    try readClientAuthority(&mapping, readFile)
    if let node = mapping.optional("minimum_version") {
      minimumVersion = try node.oneOf(Version.self)
    }
    ticketSecret = try TicketSecret(&mapping, readFile)
    if let node = mapping.optional("reload_interval") {
      reloadInterval = try node.duration(.seconds(1)...(.seconds(86_400)))
    }
    try mapping.finish()
  }

  private mutating func readClientAuthority(
    _ mapping: inout ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    let node = mapping.optional("client_ca_file")
    switch (clientCertificates, node) {
    case (.none, nil): break
    case (.none, let node?):
      throw node.error(
        "is for client_certificates: optional or required; with none nobody is asked")
    case (_, nil):
      throw mapping.node.error(
        "client_certificates: \(clientCertificates.rawValue) needs client_ca_file")
    case (_, let node?): clientAuthorityFile = try node.readableFile(readFile)
    }
  }

  private static func names(
    _ node: ConfigurationNode, _ readFile: (String) -> String?
  ) throws(ConfigurationError) -> [Identity] {
    var known: [ServerNamePattern: String] = [:]
    return try node.list().map { element throws(ConfigurationError) in
      var mapping = try element.mapping()
      let list = try mapping.required("server_names", "a list of names that clients ask for")
      let elements = try list.list()
      if elements.isEmpty { throw list.error("is empty; at least one name is needed") }
      let names = try elements.map { name throws(ConfigurationError) in
        let text = try name.text()
        let pattern = try name.value(allowed: ServerNamePattern.rule) { ServerNamePattern($0) }
        if let place = known[pattern] { throw name.error("\"\(text)\" is also \(place)") }
        known[pattern] = name.key
        return text
      }
      var identity = try Identity(&mapping, readFile)
      identity.serverNames = names
      try mapping.finish()
      return identity
    }
  }
}

extension Configuration.TLS.Identity {
  fileprivate init(
    _ mapping: inout ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    certificateFile = try mapping.required("certificate_file", "a certificate and its chain in PEM")
      .readableFile(readFile)
    privateKeyFile = try mapping.required("private_key_file", "the certificate's key in PEM")
      .readableFile(readFile)
  }
}

extension Configuration.TLS.TicketSecret {
  fileprivate init(
    _ mapping: inout ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    let secret = mapping.optional("ticket_secret")
    let file = mapping.optional("ticket_secret_file")
    let node: ConfigurationNode
    let material: String
    switch (secret, file) {
    case (nil, nil):
      self = .ofProcess
      return
    case (let secret?, nil):
      node = secret
      material = try secret.text()
      self = .text(material)
    case (nil, let file?):
      node = file
      let path = try file.readableFile(readFile)
      material = (readFile(path) ?? "").trimmingSpaces()
      self = .file(path)
    case (_?, let file?): throw file.error("stands beside ticket_secret; allowed is one of the two")
    }
    let count = material.utf8.count
    guard count >= Self.minimumLength else {
      throw node.error("is \(count) bytes long; at least \(Self.minimumLength) are needed")
    }
  }
}

extension ConfigurationNode {
  /// The name of a file that is there and may be read.
  fileprivate func readableFile(
    _ readFile: (String) -> String?
  ) throws(ConfigurationError) -> String {
    let path = try text()
    guard readFile(path) != nil else { throw error("cannot read the file \(path)") }
    return path
  }
}

extension String {
  fileprivate func trimmingSpaces() -> String {
    var text = self[...].drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
