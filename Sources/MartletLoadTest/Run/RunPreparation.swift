internal import Foundation
internal import MartletTLS
internal import NIOCore

/// Looks up and reads what a run needs before its first connect.
struct RunPreparation {
  var plan: Plan
  var run: RunIdentifier
  /// Among which the clients are divided.
  var processes = 1

  /// - Throws: ``LoadTestFailure`` or `SettingsError` for what cannot be had.
  func context(start: RunStart) throws -> RunContext {
    let scenario = plan.scenario
    try checkSockets()
    let tokens = try scenario.behaviours.map { try TokenIssuer($0.token) }
    var security: ClientSecurity?
    if scenario.targets.contains(where: \.isSecure) {
      do throws(TLSError) {
        security = try ClientSecurity(scenario.security)
      } catch {
        throw LoadTestFailure.badCertificates(reason: "\(error)")
      }
    }
    return RunContext(
      plan: plan, run: run, addresses: try addresses(), localAddresses: try localAddresses(),
      security: security, tokens: tokens, start: start.monotonic,
      wallClockStart: Int64(start.wallClock.timeIntervalSince1970))
  }

  private func checkSockets() throws(LoadTestFailure) {
    _ = ProcessUsage.raiseDescriptorLimit()
    let limits = SystemLimits.read()
    let load = ScenarioLoad(plan.scenario)
    let clients = (load.mostClients + processes - 1) / processes
    let preflight = SocketPreflight(
      sockets: load.sockets(clients), targets: plan.scenario.targets.count,
      localAddresses: plan.scenario.localAddresses.count, descriptorLimit: limits.descriptors,
      ports: limits.ports)
    if let problem = preflight.problem { throw .tooFewSockets(advice: problem) }
  }

  private func addresses() throws -> [SocketAddress] {
    try plan.scenario.targets.map { target in
      do {
        return try .makeAddressResolvingHost(target.host, port: target.port)
      } catch {
        throw LoadTestFailure.unresolved(target: target.text, reason: "no such host")
      }
    }
  }

  private func localAddresses() throws -> [SocketAddress] {
    try plan.scenario.localAddresses.map { text in
      do {
        return try SocketAddress(ipAddress: text, port: 0)
      } catch {
        throw LoadTestFailure.unresolved(target: text, reason: "this is no IP address")
      }
    }
  }
}
