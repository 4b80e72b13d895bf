internal import MartletConfiguration

extension Phase {
  init(_ mapping: ConfigurationMapping, defaultName: String) throws(ConfigurationError) {
    var mapping = mapping
    self.init(name: try mapping.optional("name")?.label() ?? defaultName)
    clients = try mapping.optional("clients")?.integer(ScenarioLimits.clients)
    if let node = mapping.optional("ramp") { ramp = try node.duration(ScenarioLimits.length) }
    if let node = mapping.optional("hold") { hold = try node.duration(ScenarioLimits.length) }
    if let node = mapping.optional("pace") { pace = try node.number(ScenarioLimits.pace) }
    joinPatience = try mapping.optional("wait_for_joins")?.duration(ScenarioLimits.joinPatience)
    try mapping.finish()
  }
}
