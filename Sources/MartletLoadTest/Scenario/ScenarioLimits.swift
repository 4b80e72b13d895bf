/// The ranges of a scenario's values: docs/loadtest.md, Scenario files.
package enum ScenarioLimits {
  package static let clients = 0...1_000_000
  package static let groups = 1...1_000_000
  package static let exponent = 0.0...10.0
  package static let weight = 1...1_000
  package static let streamsPerConnection = 1...100_000
  /// Publications of one client per second, at any pace.
  package static let rate = 0.000_01...10_000.0
  package static let pace = 0.0...1_000.0
  package static let gap = Duration.milliseconds(1)...Duration.seconds(86_400)
  /// Below the client's own limit on messages, with room for the fields that a server adds.
  package static let size = 1...(8 * 1024 * 1024)
  /// Of a ramp, of a hold, and of the moment of a fault.
  package static let length = Duration.zero...Duration.seconds(7 * 86_400)
  /// Of the grace, of reconnect delays, and of stays.
  package static let wait = Duration.zero...Duration.seconds(3_600)
  package static let joinPatience = Duration.milliseconds(1)...Duration.seconds(7_200)
  package static let stay = Duration.milliseconds(1)...Duration.seconds(7 * 86_400)
  package static let stall = Duration.milliseconds(1)...Duration.seconds(3_600)
  package static let tokenLifetime = Duration.seconds(1)...Duration.seconds(365 * 86_400)
  /// What comes meanwhile has to fit into a socket, and servers wait for pongs and for ends.
  package static let readEvery = Duration.milliseconds(10)...Duration.milliseconds(500)
  package static let loops = 0...256
  package static let interval = Duration.milliseconds(100)...Duration.seconds(3_600)
  package static let eventTypeLength = 1...64
  /// Sequence numbers are 32 bits wide; the rest of that range stays free.
  package static let publicationsPerClient = 1_000_000_000.0
  /// Of one local address to one target: Linux gives out 32768 to 60999 (`net.ipv4.ip_local_port_range`).
  package static let portsPerTarget = 28_000
  /// From so many on Linux looks long for a free port: one half of them is tried first, then the other.
  package static let easyPortsPerTarget = portsPerTarget / 2
}
