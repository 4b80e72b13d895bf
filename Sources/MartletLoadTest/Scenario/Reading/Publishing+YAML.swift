internal import MartletConfiguration
internal import MartletCore

extension Publishing {
  /// Members of an event that are the protocol's, the server's, or the load generator's own.
  private static let reservedFields: Set<String> = [
    "epoch", "group", "idempotency_id", "load", "offset", "pad", "ref", "sender", "type",
  ]

  init(_ mapping: ConfigurationMapping, hasAdapter: Bool) throws(ConfigurationError) {
    var mapping = mapping
    switch (mapping.optional("every"), mapping.optional("rate")) {
    case (let node?, nil): self.init(gap: try Gap(node))
    case (nil, let node?):
      let rate = try node.number(ScenarioLimits.rate)
      self.init(gap: .constant(.seconds(1 / rate)))
    default:
      throw mapping.missing(
        ["every", "rate"],
        "needs exactly one of every (the time between two publications) and rate (per second)")
    }
    let own = ["type", "fields", "ephemeral"].compactMap { mapping.optional($0) }
    if hasAdapter, let node = own.first {
      throw node.error("is for Martlet's events; with an adapter see adapter.publish")
    }
    if let node = mapping.optional("type") { type = try node.text() }
    if let node = mapping.optional("size") { size = try Size(node) }
    if let node = mapping.optional("fields") {
      for (name, place) in try node.mapping().entries where Self.reservedFields.contains(name) {
        throw place.error(
          "is a field of the protocol or of the load generator; reserved are"
            + " \(Self.reservedFields.sorted().joined(separator: ", "))")
      }
      fields = try node.jsonMembers()
    }
    if let node = mapping.optional("ephemeral") { isEphemeral = try node.boolean() }
    try mapping.finish()
  }
}

extension Publishing.Gap {
  init(_ node: ConfigurationNode) throws(ConfigurationError) {
    if node.isMapping {
      var mapping = try node.mapping()
      let mean = try mapping.required("exponential", "the mean of the gaps, such as 2s")
      self = .exponential(mean: try mean.duration(ScenarioLimits.gap))
      try mapping.finish()
      return
    }
    let range = try node.delay(ScenarioLimits.gap)
    self =
      range.lowest == range.highest
      ? .constant(range.lowest) : .uniform(range.lowest, range.highest)
  }
}

extension Publishing.Size {
  init(_ node: ConfigurationNode) throws(ConfigurationError) {
    self = try node.value(allowed: Self.form) { Self($0) }
  }
}
