internal import MartletCore

/// The options of the command line as they were typed; nil: not given.
///
/// Alone they say everything about a run (``scenario()``), beside a scenario what is changed in it (``overrides()``).
package struct LoadTestFlags: Sendable, Equatable {
  package var target: String?
  package var clients: Int?
  package var groups: Int?
  package var rate: Double?
  package var size: String?
  package var duration: String?
  package var path: String?
  package var ramp: String?
  package var grace: String?
  package var loops: Int?
  package var reconnectDelay: String?
  package var eventType: String?
  package var token: String?
  package var observers: String?
  package var seed: UInt64?
  package var certificateAuthorityFile: String?
  package var isInsecure = false

  package init() {}

  /// A run without a scenario file. What it is as a whole is judged by `validate()`, whose errors ``describe(_:)`` words.
  ///
  /// - Throws: `SettingsError` for a missing, malformed or refused option.
  package func scenario() throws(SettingsError) -> Scenario {
    func missing(_ option: String, _ allowed: String) -> SettingsError {
      SettingsError(
        option: option, value: "",
        allowed: "it is needed without a scenario file; allowed is \(allowed)")
    }
    guard let target else { throw missing("--target", Target.form) }
    guard let clients else { throw missing("--clients", "a whole number from 1 to 1000000") }
    guard let groups else {
      throw missing("--groups", "a whole number from 1 to the number of clients")
    }
    var scenario = Scenario.everybodyPublishes(
      to: try Target.parseList(target), clients: clients, groups: groups)
    try overrides().apply(to: &scenario)
    guard groups <= clients else {
      throw SettingsError(
        option: "--groups", value: "\(groups)",
        allowed: "a whole number from 1 to the number of clients (\(clients))")
    }
    return scenario
  }

  /// What is wrong with a run without a scenario file, by the options that say it.
  static func describe(_ error: ScenarioError) -> String {
    let option =
      switch error.key {
      case "targets": "--target"
      case "behaviours[0].path": "--path"
      case "behaviours[0].publish": "--rate"
      case "behaviours[0].publish.size": "--size"
      case "behaviours[0].publish.type": "--event-type"
      case "phases": "--duration"
      case "grace": "--grace"
      case "tls": "--ca or --insecure"
      default: error.key
      }
    return "\(option): \(error.problem)"
  }

  /// What is changed in a scenario.
  ///
  /// - Throws: `SettingsError` for a malformed option.
  package func overrides() throws(SettingsError) -> ScenarioOverrides {
    var overrides = ScenarioOverrides()
    if let target { overrides.targets = try Target.parseList(target) }
    overrides.clients = clients
    overrides.groups = groups
    overrides.rate = rate
    if let size {
      guard let parsed = Publishing.Size(size) else {
        throw SettingsError(option: "--size", value: size, allowed: Publishing.Size.form)
      }
      overrides.size = parsed
    }
    overrides.duration = try Self.duration(duration, "--duration")
    overrides.ramp = try Self.duration(ramp, "--ramp")
    overrides.path = path
    overrides.eventType = eventType
    if let token {
      guard !token.isEmpty, PlainText.isPlain(token) else {
        throw SettingsError(
          option: "--token", value: "***",
          allowed: "visible ASCII without spaces, quotation marks and backslashes")
      }
      overrides.token = .fixed(token)
    }
    overrides.grace = try Self.duration(grace, "--grace")
    overrides.loops = loops
    if let reconnectDelay {
      overrides.reconnectDelay = try DelayRange(
        parsing: reconnectDelay, option: "--reconnect-delay")
    }
    if let observers {
      guard let share = ShareText.parse(observers) else {
        throw SettingsError(option: "--observers", value: observers, allowed: ShareText.form)
      }
      overrides.observers = share
    }
    overrides.seed = seed
    overrides.authorityFile = certificateAuthorityFile
    if isInsecure { overrides.verifiesServers = false }
    return overrides
  }

  private static func duration(
    _ text: String?, _ option: String
  ) throws(SettingsError) -> Duration? {
    guard let text else { return nil }
    guard let duration = DurationText.parse(text) else {
      throw SettingsError(option: option, value: text, allowed: DurationText.form)
    }
    return duration
  }
}
