internal import MartletCore

/// What a run does. Every value has been checked alone and against the others by `validate()`.
package struct LoadTestSettings: Sendable, Equatable {
  /// The gateways; clients are spread over them round robin.
  package var targets: [Target]
  /// Simulated clients, each one connection and one publisher.
  package var clients: Int
  /// Groups; client `i` is a member of group `i mod groups`.
  package var groups: Int
  /// Publications of each client per second; 0 only connects and listens.
  package var rate: Double
  /// Bytes of each event as a client sends it, without `ref` and `idempotency_id`.
  package var size: Int
  /// How long publications become due.
  package var duration: Duration
  /// Path and query of the upgrade; `{group}` is replaced by the group's number.
  package var path = "/ws/load/{group}/"
  /// The first connects are spread evenly over this time.
  package var ramp = Duration.seconds(5)
  /// The longest wait for stragglers after the last publication became due.
  package var grace = Duration.seconds(10)
  /// Event loops (threads); 0 takes half of the cores, because a server is likely to share them.
  package var loops = 0
  /// A lost connection, and a publication refused as `unavailable`, wait a random time in this range.
  package var reconnectDelay = DelayRange(lowest: .milliseconds(100), highest: .seconds(1))
  /// `type` of the published events.
  package var eventType = "load"
  /// The JWT of all clients, sent as `Authorization: Bearer`.
  package var token: String?
  /// PEM; the authorities that the certificates of `wss://` targets are checked against; nil: the system's.
  package var certificateAuthorityFile: String?
  /// Off, certificates are not checked.
  package var verifiesServers = true

  package init(
    targets: [Target], clients: Int, groups: Int, rate: Double, size: Int, duration: Duration
  ) {
    self.targets = targets
    self.clients = clients
    self.groups = groups
    self.rate = rate
    self.size = size
    self.duration = duration
  }

  package static let clientsRange = 1...1_000_000
  package static let rateRange = 0.0...10_000.0
  package static let durationRange = Duration.milliseconds(1)...Duration.seconds(7 * 86_400)
  package static let waitRange = Duration.zero...Duration.seconds(3600)
  package static let loopsRange = 0...256
  /// Below the client's own limit on messages, with room for the fields that a server adds.
  package static let largestSize = 8 * 1024 * 1024
  package static let eventTypeLengthRange = 1...64
  /// Sequence numbers are 32 bits wide; the rest of that range stays free.
  package static let mostPublicationsPerClient = 1_000_000_000.0

  /// Checks ranges and relations; touches neither network nor files.
  ///
  /// - Throws: `SettingsError` for the first setting refused.
  package func validate() throws(SettingsError) {
    func check(
      _ holds: Bool, _ option: String, _ value: some CustomStringConvertible, _ allowed: String
    ) throws(SettingsError) {
      guard holds else {
        throw SettingsError(option: option, value: value.description, allowed: allowed)
      }
    }
    try check(!targets.isEmpty, "--target", "", Target.form)
    try check(
      Self.clientsRange.contains(clients), "--clients", clients, "a whole number from 1 to 1000000")
    try check(
      groups >= 1 && groups <= clients, "--groups", groups,
      "a whole number from 1 to the number of clients (\(clients))")
    try check(
      Self.rateRange.contains(rate), "--rate", rate,
      "publications of each client per second, from 0 to 10000")
    try check(
      Self.durationRange.contains(duration), "--duration", DurationText.format(duration),
      "from 1ms to 168h")
    try check(
      rate * Double(duration.nanoseconds) / 1e9 <= Self.mostPublicationsPerClient, "--duration",
      DurationText.format(duration), "at most 1000000000 publications of one client")
    try check(
      Self.waitRange.contains(ramp), "--ramp", DurationText.format(ramp), "from 0s to 1h")
    try check(
      Self.waitRange.contains(grace), "--grace", DurationText.format(grace), "from 0s to 1h")
    try check(
      Self.loopsRange.contains(loops), "--loops", loops,
      "from 0 (half of the cores) to 256")
    try check(
      reconnectDelay.lowest <= reconnectDelay.highest
        && Self.waitRange.contains(reconnectDelay.highest),
      "--reconnect-delay", reconnectDelay.text, "\(DelayRange.form), at most 1h")
    try check(
      Self.eventTypeLengthRange.contains(eventType.utf8.count)
        && eventType.utf8.allSatisfy(Self.isPlainByte),
      "--event-type", eventType,
      "1 to 64 visible ASCII characters without quotation marks and backslashes")
    try check(
      path.hasPrefix("/") && path.utf8.allSatisfy(Self.isPathByte), "--path", path,
      "visible ASCII that begins with / and has no #")
    try check(
      groups == 1 || path.contains("{group}"), "--path", path,
      "several groups need {group} in the path")
    try check(
      token.map { !$0.isEmpty && $0.utf8.allSatisfy(Self.isPlainByte) } ?? true, "--token", "***",
      "visible ASCII without spaces, quotation marks and backslashes")
    let smallest = smallestSize
    try check(
      size >= smallest && size <= Self.largestSize, "--size", size,
      "from \(smallest) (the fields of this run's events) to \(Self.largestSize) bytes")
  }

  /// Of an event without padding, in the worst case of the run.
  var smallestSize: Int {
    var publishing = Publishing(gap: .constant(.seconds(1)))
    publishing.type = eventType
    let length = Scenario(self).phases.reduce(Duration.zero) { $0 + $1.longestLength }
    return EventSize.smallest(
      publishing,
      EventSize.Digits(
        clients: clients, publications: rate * (duration / .seconds(1)),
        nanoseconds: length.nanoseconds))
  }

  static func isPlainByte(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != 0x22 && byte != 0x5C
  }

  static func isPathByte(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != 0x23
  }

  /// The whole command line with every default spelled out, so that a result can be repeated.
  /// The token is a secret and is left out.
  package var commandLine: String {
    var words = [
      "martlet-loadtest", "run", "--target", targets.map(\.text).joined(separator: ","),
      "--clients", "\(clients)", "--groups", "\(groups)", "--rate", "\(rate)", "--size", "\(size)",
      "--duration", DurationText.format(duration), "--path", "'\(path)'",
      "--ramp", DurationText.format(ramp), "--grace", DurationText.format(grace),
      "--loops", "\(loops)", "--reconnect-delay", reconnectDelay.text, "--event-type", eventType,
    ]
    if token != nil { words += ["--token", "***"] }
    if let certificateAuthorityFile { words += ["--ca", "'\(certificateAuthorityFile)'"] }
    if !verifiesServers { words.append("--insecure") }
    return words.joined(separator: " ")
  }
}
