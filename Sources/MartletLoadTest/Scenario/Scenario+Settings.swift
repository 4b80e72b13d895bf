extension Scenario {
  /// After the ramp, before the clients that have not joined are given up.
  private static let joinPatience = Duration.seconds(30)

  /// The run that the flags of `run` ask for: all join, nobody publishes before, then all publish for the duration.
  ///
  /// - Parameter settings: validated.
  package init(_ settings: LoadTestSettings) {
    var client = Behaviour(name: "client", group: "groups")
    client.path = settings.path
    client.token = settings.token.map(TokenSource.fixed) ?? .none
    if settings.rate > 0 {
      var publishing = Publishing(gap: .constant(.seconds(1 / settings.rate)))
      publishing.type = settings.eventType
      publishing.size = .constant(settings.size)
      client.publishing = publishing
    }
    var join = Phase(name: "join")
    join.clients = settings.clients
    join.ramp = settings.ramp
    join.pace = 0
    join.joinPatience = settings.ramp + Self.joinPatience
    var run = Phase(name: "run")
    run.hold = settings.duration
    self.init(
      name: "run", targets: settings.targets, groups: ["groups": .even(count: settings.groups)],
      behaviours: [client], phases: [join, run])
    security = Security(
      authorityFile: settings.certificateAuthorityFile, verifiesServers: settings.verifiesServers)
    reconnectDelay = settings.reconnectDelay
    grace = settings.grace
    loops = settings.loops
  }
}
