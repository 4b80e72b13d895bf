internal import MartletConfiguration

/// What a command line asks for, decided from what was typed alone.
package enum RunRequest: Sendable, Equatable {
  case scenario(Scenario)
  case worker

  /// - Parameters:
  ///   - file: the scenario; nil: only flags say what to do.
  ///   - flags: what was typed.
  ///   - distribution: a worker needs nothing else.
  package init(
    file: ScenarioFile?, flags: LoadTestFlags, distribution: Distribution
  ) throws(RunRequestError) {
    if case .worker = distribution {
      self = .worker
      return
    }
    guard let file else {
      let scenario = try Self.refusing { () throws(SettingsError) in try flags.scenario() }
      do throws(ScenarioError) { try scenario.validate() } catch {
        throw RunRequestError(LoadTestFlags.describe(error))
      }
      self = .scenario(try Self.checked(scenario, distribution))
      return
    }
    var scenario = file.scenario
    let overrides = try Self.refusing { () throws(SettingsError) in try flags.overrides() }
    try Self.refusing { () throws(SettingsError) in try overrides.apply(to: &scenario) }
    try Self.refusing { () throws(ConfigurationError) in try file.check(scenario) }
    self = .scenario(try Self.checked(scenario, distribution))
  }

  /// A worker without clients would have nothing to do.
  private static func checked(
    _ scenario: Scenario, _ distribution: Distribution
  ) throws(RunRequestError) -> Scenario {
    let clients = ScenarioLoad(scenario).clientsEver
    guard case .coordinator(_, let workers) = distribution, workers > clients else {
      return scenario
    }
    let error = SettingsError(
      option: "--workers", value: "\(workers)",
      allowed: "at most one for each client, of which there are \(clients)")
    throw RunRequestError(error.description)
  }

  private static func refusing<Value, Failure: Error & CustomStringConvertible>(
    _ body: () throws(Failure) -> Value
  ) throws(RunRequestError) -> Value {
    do throws(Failure) { return try body() } catch {
      throw RunRequestError(error.description)
    }
  }
}

/// An option or a scenario is wrong; says which, with its place.
package struct RunRequestError: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
