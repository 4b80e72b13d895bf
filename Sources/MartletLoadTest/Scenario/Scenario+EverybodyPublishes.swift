extension Scenario {
  /// After the ramp, before the clients that have not joined are given up.
  private static let joinPatience = Duration.seconds(30)

  /// `martlet-loadtest run` without a file: all join, and nobody publishes before; then each publishes once a second for half a
  /// minute, and everybody in its group receives it. Options change it as they change a file.
  ///
  /// - Parameter groups: client `i` is in group `i mod groups`.
  package static func everybodyPublishes(
    to targets: [Target], clients: Int, groups: Int
  ) -> Scenario {
    var client = Behaviour(name: "client", group: "groups")
    client.path = "/ws/load/{group}/"
    var publishing = Publishing(gap: .constant(.seconds(1)))
    publishing.type = "load"
    publishing.size = .constant(128)
    client.publishing = publishing
    var join = Phase(name: "join")
    join.clients = clients
    join.ramp = .seconds(5)
    join.pace = 0
    join.joinPatience = join.ramp + Self.joinPatience
    var run = Phase(name: "run")
    run.hold = .seconds(30)
    return Scenario(
      name: "run", targets: targets, groups: ["groups": .even(count: groups)],
      behaviours: [client], phases: [join, run])
  }
}
