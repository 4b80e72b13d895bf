internal import MartletConfiguration

extension Fault {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    let at = try mapping.required("at", "a duration since the run began, such as 30s")
      .duration(ScenarioLimits.length)
    let length = mapping.optional("for")
    switch (mapping.optional("drop"), mapping.optional("stall"), mapping.optional("run")) {
    case (let node?, nil, nil): self.init(at: at, action: .drop(share: try node.percentage()))
    case (nil, let node?, nil):
      guard let length else {
        throw mapping.node.error(
          "for is missing; it is how long the clients do not read, such as 5s")
      }
      self.init(
        at: at,
        action: .stall(
          share: try node.percentage(), try length.duration(ScenarioLimits.stall)))
    case (nil, nil, let node?):
      let command = try node.value(allowed: "a command for /bin/sh") { $0.isEmpty ? nil : $0 }
      self.init(at: at, action: .run(command: command))
    default:
      throw mapping.missing(
        ["drop", "stall", "run"],
        "needs exactly one of drop (a share of the connections), stall (a share of the clients) and run (a"
          + " command)")
    }
    if let length {
      guard case .stall = action else { throw length.error("is for stall") }
    }
    try mapping.finish()
  }
}
