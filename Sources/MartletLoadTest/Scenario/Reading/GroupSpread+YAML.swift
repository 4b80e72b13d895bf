internal import MartletConfiguration

extension GroupSpread {
  private enum Spread: String, CaseIterable {
    case even
    case uniform
    case zipf
  }

  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    let count = mapping.optional("count")
    let size = mapping.optional("size")
    let spread = mapping.optional("spread")
    let exponent = mapping.optional("exponent")
    switch (count, size) {
    case (let node?, nil):
      let count = try node.integer(ScenarioLimits.groups)
      let spread = try spread?.oneOf(Spread.self) ?? .even
      if let exponent, spread != .zipf { throw exponent.error("is for spread: zipf") }
      self =
        switch spread {
        case .even: .even(count: count)
        case .uniform: .uniform(count: count)
        case .zipf:
          .zipf(count: count, exponent: try exponent?.number(ScenarioLimits.exponent) ?? 1)
        }
    case (nil, let node?):
      if let other = spread ?? exponent {
        throw other.error(
          "is for groups with a count; with a size they are filled one after the other")
      }
      self = .sized(try node.integer(ScenarioLimits.groups))
    default:
      throw mapping.missing(
        ["count", "size"],
        "needs exactly one of count (how many groups) and size (how many members each has)")
    }
    try mapping.finish()
  }
}
