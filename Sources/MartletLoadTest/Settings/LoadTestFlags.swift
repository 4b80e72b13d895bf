internal import MartletCore

/// The options of the command line as they were typed; nil: not given.
///
/// Alone they say everything about a run (``settings()``), beside a scenario what is changed in it (``overrides()``).
package struct LoadTestFlags: Sendable, Equatable {
  package var target: String?
  package var clients: Int?
  package var groups: Int?
  package var rate: Double?
  package var size: Int?
  package var duration: String?
  package var path: String?
  package var ramp: String?
  package var grace: String?
  package var loops: Int?
  package var reconnectDelay: String?
  package var eventType: String?
  package var token: String?
  package var seed: UInt64?
  package var certificateAuthorityFile: String?
  package var isInsecure = false

  package init() {}

  /// A run without a scenario file.
  ///
  /// - Throws: `SettingsError` for a missing, malformed or refused option.
  package func settings() throws(SettingsError) -> LoadTestSettings {
    func missing(_ option: String, _ allowed: String) -> SettingsError {
      SettingsError(
        option: option, value: "",
        allowed: "it is needed without a scenario file; allowed is \(allowed)")
    }
    if let seed {
      throw SettingsError(
        option: "--seed", value: "\(seed)",
        allowed: "beside a scenario: nothing is random in a run without one")
    }
    guard let target else { throw missing("--target", Target.form) }
    guard let clients else { throw missing("--clients", "a whole number from 1 to 1000000") }
    guard let groups else {
      throw missing("--groups", "a whole number from 1 to the number of clients")
    }
    var settings = LoadTestSettings(
      targets: try Target.parseList(target), clients: clients, groups: groups, rate: rate ?? 1,
      size: size ?? 128, duration: try Self.duration(duration, "--duration") ?? .seconds(30))
    if let path { settings.path = path }
    if let ramp = try Self.duration(ramp, "--ramp") { settings.ramp = ramp }
    if let grace = try Self.duration(grace, "--grace") { settings.grace = grace }
    if let loops { settings.loops = loops }
    if let reconnectDelay {
      settings.reconnectDelay = try DelayRange(
        parsing: reconnectDelay, option: "--reconnect-delay")
    }
    if let eventType { settings.eventType = eventType }
    settings.token = token
    settings.certificateAuthorityFile = certificateAuthorityFile
    settings.verifiesServers = !isInsecure
    try settings.validate()
    return settings
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
      guard ScenarioLimits.size.contains(size) else {
        throw SettingsError(
          option: "--size", value: "\(size)",
          allowed: "bytes from 1 to \(ScenarioLimits.size.upperBound)")
      }
      overrides.size = .constant(size)
    }
    overrides.duration = try Self.duration(duration, "--duration")
    overrides.ramp = try Self.duration(ramp, "--ramp")
    overrides.path = path
    overrides.eventType = eventType
    if let token {
      guard !token.isEmpty, token.utf8.allSatisfy(LoadTestSettings.isPlainByte) else {
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
