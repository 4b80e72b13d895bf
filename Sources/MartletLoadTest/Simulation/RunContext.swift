internal import NIOCore

/// What every client of a run shares: decided before the first connect, never changed. An object, for the same reason as the
/// ``Plan``.
final class RunContext: Sendable {
  let plan: Plan
  let run: RunIdentifier
  /// The resolved targets, in the order of the scenario.
  let addresses: [SocketAddress]
  /// Addresses to connect from, by turns.
  let localAddresses: [SocketAddress]
  /// Of `wss://` targets; nil if there are none.
  let security: ClientSecurity?
  /// For each behaviour.
  let formats: [MessageFormat]
  let tokens: [TokenIssuer]
  /// When the run began: nanoseconds of the monotonic clock, and seconds since 1970.
  let start: UInt64
  let wallClockStart: Int64

  var scenario: Scenario { plan.scenario }

  init(
    plan: Plan, run: RunIdentifier, addresses: [SocketAddress], localAddresses: [SocketAddress],
    security: ClientSecurity?, tokens: [TokenIssuer], start: UInt64, wallClockStart: Int64
  ) {
    self.plan = plan
    self.run = run
    self.addresses = addresses
    self.localAddresses = localAddresses
    self.security = security
    self.tokens = tokens
    self.start = start
    self.wallClockStart = wallClockStart
    formats = plan.scenario.behaviours.map { behaviour in
      if let adapter = plan.scenario.adapter {
        return .adapted(AdaptedMessages(adapter, run: run))
      }
      return .martlet(
        behaviour.publishing.map { EventTemplate($0, run: run) }, MartletMessages(run: run))
    }
  }

  /// Replaces what scenarios may write in paths and claims.
  ///
  /// - Parameter started: when the client meant to come, in nanoseconds since the run began.
  func fill(_ template: String, client: Int, started: UInt64) -> String {
    guard template.utf8.contains(UInt8(ascii: "{")) else { return template }
    return
      template
      .replacing("{group}", with: String(plan.clients[client].groupNumber))
      .replacing("{client}", with: String(client))
      .replacing("{started}", with: "\(MartletMessages.startedText(run: run))\(started)")
  }

  /// - Parameter started: as above.
  func dial(client: Int, target: Int, position: Position?, started: UInt64) -> Dial {
    let behaviour = plan.behaviour(of: client)
    var dial = Dial(
      target: target, server: scenario.targets[target], address: addresses[target],
      path: fill(behaviour.path, client: client, started: started),
      transport: behaviour.transport)
    if !localAddresses.isEmpty { dial.localAddress = localAddresses[client % localAddresses.count] }
    dial.token = tokens[plan.clients[client].behaviour].token(
      client: client, now: wallClockStart + Int64(started / 1_000_000_000)
    ) { fill($0, client: client, started: started) }
    dial.isCompressed = behaviour.isCompressed
    dial.streamsPerConnection = behaviour.streamsPerConnection
    dial.position = position
    return dial
  }
}
