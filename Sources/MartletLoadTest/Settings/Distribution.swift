package import MartletCore

/// Over how many processes a run is spread.
package enum Distribution: Sendable, Equatable {
  case alone
  /// Waits for workers, hands each the scenario with all its secrets and its share, and reports.
  case coordinator(listen: HostAndPort, workers: Int)
  /// Takes its share from the coordinator at this address.
  case worker(coordinator: HostAndPort)

  package static let workersRange = 1...1_000

  /// - Parameters:
  ///   - coordinator: as ``ListenAddress`` has it.
  ///   - worker: `http://HOST:PORT`.
  ///   - hasOtherOptions: whether a scenario or any option of a run is given, which a worker gets from its coordinator.
  /// - Throws: `SettingsError` for options that are malformed or exclude each other.
  package init(
    coordinator: String?, workers: Int?, worker: String?, hasOtherOptions: Bool
  ) throws(SettingsError) {
    switch (coordinator, workers, worker) {
    case (nil, nil, nil): self = .alone
    case (let listen?, let workers?, nil):
      guard Self.workersRange.contains(workers) else {
        throw SettingsError(
          option: "--workers", value: "\(workers)", allowed: "a whole number from 1 to 1000")
      }
      self = .coordinator(
        listen: try ListenAddress.parse(listen, option: "--coordinator"), workers: workers)
    case (nil, nil, let url?):
      guard !hasOtherOptions else {
        throw SettingsError(
          option: "--worker", value: url,
          allowed: "no scenario and no other option beside it: the coordinator says what to do")
      }
      self = .worker(coordinator: try Self.coordinator(url))
    case (let listen?, nil, nil):
      throw SettingsError(
        option: "--coordinator", value: listen, allowed: "together with --workers N")
    case (nil, let workers?, _):
      throw SettingsError(
        option: "--workers", value: "\(workers)", allowed: "together with --coordinator PORT")
    case (_?, _, let url?):
      throw SettingsError(
        option: "--worker", value: url, allowed: "one of --worker and --coordinator")
    }
  }

  private static func coordinator(_ url: String) throws(SettingsError) -> HostAndPort {
    let scheme = "http://"
    var rest = url.dropFirst(scheme.count)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard url.hasPrefix(scheme), let address = HostAndPort(String(rest)), address.port > 0,
      !address.host.isEmpty
    else {
      throw SettingsError(option: "--worker", value: url, allowed: "http://HOST:PORT")
    }
    return address
  }
}
