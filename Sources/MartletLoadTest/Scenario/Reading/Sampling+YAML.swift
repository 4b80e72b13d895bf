internal import MartletConfiguration

extension Sampling {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    self.init(
      observers: try mapping.required("observers", "a share of the clients, such as 5%")
        .percentage())
    if let node = mapping.optional("read_every") {
      readEvery = try node.duration(ScenarioLimits.readEvery)
    }
    try mapping.finish()
  }
}
