internal import MartletConfiguration

extension Behaviour {
  /// - Parameters:
  ///   - onlyGroup: what `group` is if it is left out; nil: there are several.
  ///   - hasAdapter: publications are written by an adapter, so that their types and fields are its own.
  init(
    _ mapping: ConfigurationMapping, onlyGroup: String?, hasAdapter: Bool,
    _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    let name = try mapping.required("name", "a text such as talker").label()
    let groupNode = mapping.optional("group")
    guard let group = try groupNode?.text() ?? onlyGroup else {
      throw mapping.node.error("group is missing; it is the name of one of the groups")
    }
    self.init(name: name, group: group)
    if let node = mapping.optional("weight") { weight = try node.integer(ScenarioLimits.weight) }
    if let node = mapping.optional("transport") { transport = try node.oneOf() }
    if let node = mapping.optional("compression") { isCompressed = try node.boolean() }
    if let node = mapping.optional("streams_per_connection") {
      guard transport.sharesConnections else {
        throw node.error("is for the transports websocket_h2 and sse_h2")
      }
      streamsPerConnection = try node.integer(ScenarioLimits.streamsPerConnection)
    }
    path = try mapping.required("path", "a path such as /ws/load/{group}/").text()
    if let node = mapping.optional("token") { token = try TokenSource(node, readFile) }
    if let node = mapping.optional("publish") {
      publishing = try Publishing(node.mapping(), hasAdapter: hasAdapter)
    }
    if let node = mapping.optional("watch_presence") { watchesPresence = try node.boolean() }
    if let node = mapping.optional("stay") { stay = try node.delay(ScenarioLimits.stay) }
    if let node = mapping.optional("away") {
      guard stay != nil else { throw node.error("needs stay: a client that stays is never away") }
      away = try node.delay(ScenarioLimits.wait)
    }
    try mapping.finish()
  }
}

extension TokenSource {
  init(
    _ node: ConfigurationNode, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    guard node.isMapping else {
      self = .fixed(
        try node.value(
          allowed: "visible ASCII without spaces, quotation marks and backslashes"
        ) { text in
          !text.isEmpty && PlainText.isPlain(text) ? text : nil
        })
      return
    }
    var mapping = try node.mapping()
    if let file = mapping.optional("file") {
      let (name, text) = try file.readableFile(readFile)
      guard text.contains(where: { !$0.isWhitespace }) else {
        throw file.error("\(name) has no tokens; one on each line is expected")
      }
      self = .file(name)
    } else {
      self = try .signed(&mapping, readFile)
    }
    try mapping.finish()
  }

  private static func signed(
    _ mapping: inout ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) -> TokenSource {
    let names = SigningAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
    let algorithm = try mapping.required(
      "algorithm", "one of \(names), unless the tokens are in a file"
    ).oneOf(SigningAlgorithm.self)
    let secret: String
    let place: ConfigurationNode
    switch (mapping.optional("secret"), mapping.optional("secret_file")) {
    case (let node?, nil): (secret, place) = (try node.text(), node)
    case (nil, let node?):
      let text = try node.readableFile(readFile).text
      let (blank, end) = (
        text.prefix(while: \.isWhitespace), text.reversed().prefix(while: \.isWhitespace)
      )
      (secret, place) = (String(text.dropFirst(blank.count).dropLast(end.count)), node)
    default: throw mapping.node.error("needs either secret or secret_file")
    }
    guard secret.utf8.count >= algorithm.minimumSecretLength else {
      throw place.error(
        "the secret is \(secret.utf8.count) bytes long; \(algorithm.rawValue) needs at least"
          + " \(algorithm.minimumSecretLength)")
    }
    var claims = #"{"sub":"client-{client}"}"#
    if let node = mapping.optional("claims") {
      for (name, place) in try node.mapping().entries where ["exp", "iat"].contains(name) {
        throw place.error("is written by the load generator; see lifetime")
      }
      claims = try node.json()
      if let problem = Placeholders.problem(in: claims, allowed: Placeholders.ofClients) {
        throw node.error(problem)
      }
    }
    let lifetime = try mapping.optional("lifetime")?.duration(ScenarioLimits.tokenLifetime)
    return .signed(
      algorithm: algorithm, secret: secret, claims: claims, lifetime: lifetime ?? .seconds(3_600))
  }
}

extension TokenSource.SigningAlgorithm {
  /// In bytes (RFC 7518 §3.2).
  var minimumSecretLength: Int {
    switch self {
    case .hs256: 32
    case .hs384: 48
    case .hs512: 64
    }
  }
}
