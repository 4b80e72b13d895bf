package import MartletConfiguration

/// The scenarios that are part of the program; loadtest/scenarios/ shows the same files.
package enum BuiltInScenario: String, Sendable, CaseIterable {
  case connect
  case fanout
  case chat
  case presence
  case typing
  case reconnectStorm = "reconnect-storm"
  case soak
  case findMax = "find-max"

  package var yaml: String {
    let bytes =
      switch self {
      case .connect: PackageResources.connect_yaml
      case .fanout: PackageResources.fanout_yaml
      case .chat: PackageResources.chat_yaml
      case .presence: PackageResources.presence_yaml
      case .typing: PackageResources.typing_yaml
      case .reconnectStorm: PackageResources.reconnect_storm_yaml
      case .soak: PackageResources.soak_yaml
      case .findMax: PackageResources.find_max_yaml
      }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What the file says of itself at its top.
  package var comment: String {
    yaml.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { $0.hasPrefix("#") }
      .map { $0.dropFirst($0.hasPrefix("# ") ? 2 : 1) }
      .joined(separator: "\n")
  }

  /// Read, but not checked as a whole, since options may change it.
  package func file() throws(ConfigurationError) -> ScenarioFile {
    try ScenarioFile(yaml: yaml, file: "\(rawValue).yaml", environment: [:], readFile: { _ in nil })
  }
}
