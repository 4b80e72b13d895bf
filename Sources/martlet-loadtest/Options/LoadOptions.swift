import ArgumentParser
import MartletLoadTest

/// What a run is like; beside a scenario, what is different from it.
struct LoadOptions: ParsableArguments {
  @Option(help: "Servers, separated by commas: ws://HOST:PORT,… or wss:// for TLS.")
  var target: String?

  @Option(
    help: """
      Simulated clients. Beside a scenario: those of its last phase; the other phases change in \
      proportion.
      """)
  var clients: Int?

  @Option(help: "Groups over which clients are dealt; without a scenario at most one per client.")
  var groups: Int?

  @Option(
    help: """
      Publications of each client per second, on average; 0: nobody publishes. Default without a \
      scenario: 1.
      """)
  var rate: Double?

  @Option(
    help:
      "Bytes of each event: 128, 4KiB, or a range such as 64-512. Default without a scenario: 128.")
  var size: String?

  @Option(
    help: """
      How long clients publish: the hold of the longest phase; faults keep their place in the course \
      of the run. Default without a scenario: 30s.
      """)
  var duration: String?

  @Option(
    help: """
      Path of the WebSocket; {group} becomes the group's number, {client} the client's. Default \
      without a scenario: /ws/load/{group}/.
      """)
  var path: String?

  @Option(
    help: "Time over which the first connects are spread. Default without a scenario: 5s.")
  var ramp: String?

  @Option(help: "Longest wait for stragglers after the last publication. Default: 10s.")
  var grace: String?

  @Option(help: "Event loops (threads); 0 takes half of the cores. Default: 0.")
  var loops: Int?

  @Option(
    help: """
      Random wait before a reconnect or a retry: one duration, or two as 100ms-1s, which is the \
      default.
      """)
  var reconnectDelay: String?

  @Option(help: "Type of the published events. Default without a scenario: load.")
  var eventType: String?

  @Option(help: "JWT of all clients, sent as Authorization: Bearer.")
  var token: String?

  @Option(
    help: """
      Share of the clients, such as 5%, that read at once and whose latencies count; the others read \
      every 250 ms, which costs the generator less. Default without a scenario: 100%.
      """)
  var observers: String?

  @Option(help: "Decides everything random: the same seed, the same run.")
  var seed: UInt64?

  @Option(
    name: .customLong("ca"),
    help: "PEM file of the authorities that vouch for wss:// targets; default: the system's.")
  var certificateAuthorityFile: String?

  @Flag(help: "Do not check the certificates of wss:// targets.")
  var insecure = false

  /// The options as a value.
  var flags: LoadTestFlags {
    var flags = LoadTestFlags()
    flags.target = target
    flags.clients = clients
    flags.groups = groups
    flags.rate = rate
    flags.size = size
    flags.duration = duration
    flags.path = path
    flags.ramp = ramp
    flags.grace = grace
    flags.loops = loops
    flags.reconnectDelay = reconnectDelay
    flags.eventType = eventType
    flags.token = token
    flags.observers = observers
    flags.seed = seed
    flags.certificateAuthorityFile = certificateAuthorityFile
    flags.isInsecure = insecure
    return flags
  }
}
