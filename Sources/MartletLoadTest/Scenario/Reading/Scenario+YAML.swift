internal import MartletConfiguration
internal import NIOCore

extension Scenario {
  init(
    _ mapping: ConfigurationMapping, defaultName: String, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var root = mapping
    let name = try root.optional("name")?.label() ?? defaultName
    let adapter = try root.optional("adapter").map { node throws(ConfigurationError) in
      try ProtocolAdapter(node.mapping())
    }
    let groups = try Self.groups(
      root.required("groups", "a mapping such as {rooms: {count: 10}}").mapping())
    let onlyGroup = groups.count == 1 ? groups.keys.first : nil
    let behaviours =
      try root.required("behaviours", "a list of what clients do").list()
      .map { node throws(ConfigurationError) in
        try Behaviour(
          node.mapping(), onlyGroup: onlyGroup, hasAdapter: adapter != nil, readFile)
      }
    let phases = try root.required("phases", "a list of stretches of the run").list().enumerated()
      .map { index, node throws(ConfigurationError) in
        try Phase(node.mapping(), defaultName: "phase \(index + 1)")
      }
    self.init(
      name: name, targets: try Self.targets(root.optional("targets")), groups: groups,
      behaviours: behaviours, phases: phases)
    self.adapter = adapter
    summary = try root.optional("description")?.text() ?? ""
    if let node = root.optional("target_choice") { targetChoice = try node.oneOf() }
    localAddresses =
      try root.optional("local_addresses")?.list().map { node throws(ConfigurationError) in
        try node.value(allowed: "an IP address of this machine, such as 127.0.0.2") { text in
          (try? SocketAddress(ipAddress: text, port: 0)) == nil ? nil : text
        }
      } ?? []
    if let node = root.optional("tls") { security = try Security(node.mapping(), readFile) }
    if let node = root.optional("seed") {
      seed = try node.value(allowed: "a whole number from 0 to \(UInt64.max)") { UInt64($0) }
    }
    faults =
      try root.optional("faults")?.list().map { node throws(ConfigurationError) in
        try Fault(node.mapping())
      } ?? []
    thresholds =
      try root.optional("thresholds")?.list().map { node throws(ConfigurationError) in
        let text = try node.text()
        do throws(ThresholdError) { return try Threshold(text) } catch {
          throw node.error(error.description)
        }
      } ?? []
    sampling = try root.optional("sampling").map { node throws(ConfigurationError) in
      try Sampling(node.mapping())
    }
    if let node = root.optional("reconnect_delay") {
      reconnectDelay = try node.delay(ScenarioLimits.wait)
    }
    if let node = root.optional("grace") { grace = try node.duration(ScenarioLimits.wait) }
    if let node = root.optional("loops") { loops = try node.integer(ScenarioLimits.loops) }
    if let node = root.optional("interval") {
      interval = try node.duration(ScenarioLimits.interval)
    }
    try root.finish()
  }

  /// One text or a list; none if they are left to the command line.
  private static func targets(_ node: ConfigurationNode?) throws(ConfigurationError) -> [Target] {
    guard let node else { return [] }
    let nodes = node.isList ? try node.list() : [node]
    var targets: [Target] = []
    for node in nodes {
      let text = try node.text()
      do throws(SettingsError) { targets += try Target.parseList(text) } catch {
        throw node.error("\"\(error.value)\" is not allowed; allowed is \(error.allowed)")
      }
    }
    return targets
  }

  private static func groups(
    _ mapping: ConfigurationMapping
  ) throws(ConfigurationError) -> [String: GroupSpread] {
    var groups: [String: GroupSpread] = [:]
    for (name, node) in mapping.entries { groups[name] = try GroupSpread(node.mapping()) }
    return groups
  }
}

extension Scenario.Security {
  fileprivate init(
    _ mapping: ConfigurationMapping, _ readFile: (String) -> String?
  ) throws(ConfigurationError) {
    var mapping = mapping
    self.init()
    if let node = mapping.optional("ca_file") {
      authorityFile = try node.readableFile(readFile).name
    }
    if let node = mapping.optional("verify") { verifiesServers = try node.boolean() }
    try mapping.finish()
  }
}
