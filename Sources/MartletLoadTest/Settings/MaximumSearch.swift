internal import MartletConfiguration

/// How `find-max` looks for the most that a cluster carries: runs a scenario again and again with more, until a threshold fails.
package struct MaximumSearch: Sendable, Equatable {
  package enum Raised: String, Sendable, CaseIterable {
    /// All clients at their rate.
    case clients
    /// The rate of all clients.
    case rate
  }

  package var raised = Raised.clients
  /// The first value tried.
  package var from: Double
  /// The last value tried.
  package var to: Double
  /// Each value is so many times the one before, until a threshold fails.
  package var factor = 2.0
  /// The search ends when the last good and the first bad value are within this share of each other.
  package var precision = 0.1
  /// How long publications become due in each trial.
  package var trial = Duration.seconds(10)

  /// - Throws: `SettingsError` for a value out of its range.
  package init(
    raised: Raised, from: Double, to: Double, factor: Double, precision: Double, trial: Duration
  ) throws(SettingsError) {
    func check(
      _ holds: Bool, _ option: String, _ value: String, _ allowed: String
    ) throws(SettingsError) {
      guard holds else { throw SettingsError(option: option, value: value, allowed: allowed) }
    }
    let lowest = raised == .clients ? 1 : ScenarioLimits.rate.lowerBound
    let highest =
      raised == .clients
      ? Double(ScenarioLimits.clients.upperBound) : ScenarioLimits.rate.upperBound
    let isWhole = raised == .rate || (from == from.rounded() && to == to.rounded())
    try check(
      isWhole && from >= lowest && from <= highest, "--from", from.spelled,
      "\(raised.rawValue) from \(lowest.spelled) to \(highest.spelled)")
    try check(
      to >= from && to <= highest, "--to", to.spelled,
      "\(raised.rawValue) from --from (\(from.spelled)) to \(highest.spelled)")
    try check(factor > 1 && factor <= 10, "--factor", factor.spelled, "above 1 and up to 10")
    try check(
      precision >= 0.01 && precision <= 1, "--precision", precision.spelled, "from 0.01 to 1")
    try check(
      trial >= .seconds(1) && trial <= .seconds(3_600), "--trial", trial.spelled, "from 1s to 1h")
    self.raised = raised
    self.from = from
    self.to = to
    self.factor = factor
    self.precision = precision
    self.trial = trial
  }

  /// - Throws: `SettingsError` for an option of a single run that the search decides itself.
  package func check(_ flags: LoadTestFlags) throws(SettingsError) {
    if let duration = flags.duration {
      throw SettingsError(
        option: "--duration", value: duration,
        allowed: "none here; --trial is the length of a trial")
    }
    if raised == .clients, let clients = flags.clients {
      throw SettingsError(
        option: "--clients", value: "\(clients)",
        allowed: "none with --raise clients; see --from and --to")
    }
    if raised == .rate, let rate = flags.rate {
      throw SettingsError(
        option: "--rate", value: rate.spelled,
        allowed: "none with --raise rate; see --from and --to")
    }
  }

  /// What a trial with this value changes in the scenario.
  package func overrides(for value: Double) -> ScenarioOverrides {
    var overrides = ScenarioOverrides()
    overrides.duration = trial
    switch raised {
    case .clients: overrides.clients = Int(value.rounded())
    case .rate: overrides.rate = value
    }
    return overrides
  }

  /// The scenario of a trial with a value.
  ///
  /// - Throws: `RunRequestError` for flags that are wrong, and for a first or last value that does not fit the scenario.
  package func scenarios(
    _ file: ScenarioFile, flags: LoadTestFlags
  ) throws(RunRequestError) -> @Sendable (Double) throws(RunRequestError) -> Scenario {
    var base = file.scenario
    do throws(SettingsError) { try flags.overrides().apply(to: &base) } catch {
      throw RunRequestError(error.description)
    }
    let scenarios = { @Sendable [base] value throws(RunRequestError) in
      var scenario = base
      do throws(SettingsError) { try overrides(for: value).apply(to: &scenario) } catch {
        throw RunRequestError(error.description)
      }
      return scenario
    }
    // What fits at both ends fits between them.
    for value in [from, to] {
      let scenario = try scenarios(value)
      do throws(ConfigurationError) { try file.check(scenario) } catch {
        throw RunRequestError(error.description)
      }
    }
    return scenarios
  }
}
