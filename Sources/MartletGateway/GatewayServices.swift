internal import Logging
internal import MartletAccess
internal import MartletBackplane
internal import MartletConfiguration
internal import MartletCore
internal import MartletPresence
internal import NIOCore
internal import Synchronization

/// What every part of a gateway shares.
final class GatewayServices: Sendable {
  let backplane: any Backplane
  let presence: any Presence
  let userQuota: any UserQuota
  let routing: RoutingTable
  let limits: GatewayLimits
  let access: AccessControl
  /// Nil: every origin.
  let origins: Set<String>?
  let apiKeys: APIKeys
  /// Names a user's tenant; nil: the cluster has none.
  let tenantClaim: String?
  let servesDemo: Bool
  /// Differs at each start, so that ids are never used twice.
  let incarnation: String
  let loopCount: Int
  let openConnections = ConnectionCount()
  let gate: ConnectionGate
  let logger: Logger

  init(
    backplane: any Backplane, presence: any Presence, userQuota: any UserQuota,
    configuration: Configuration,
    access: AccessControl, incarnation: String, loopCount: Int, logger: Logger
  ) {
    self.backplane = backplane
    self.presence = presence
    self.userQuota = userQuota
    self.gate = ConnectionGate(configuration.limits)
    self.routing = configuration.routing
    self.limits = GatewayLimits(configuration)
    self.access = access
    self.origins = configuration.origins.map(Set.init)
    self.apiKeys = APIKeys(configuration.apiKeys, hasTenants: configuration.tenants != nil)
    self.tenantClaim = configuration.tenants?.claim
    self.servesDemo = configuration.servesDemo
    self.incarnation = incarnation
    self.loopCount = loopCount
    self.logger = logger
  }

  /// Whether a browser on a page of `origin` may connect (RFC 6455 §10.2).
  func allows(origin: String?) -> Bool {
    guard let origins, let origin else { return true }
    return origins.contains(origin.lowercased())
  }
}

/// The limits of a configuration in the units of event loops.
///
/// An object, since every connection refers to them.
final class GatewayLimits: Sendable {
  /// What an event has around it in a request of the API, in bytes.
  private static let envelopeAllowance = 4_096

  let messageSize: Int
  let frameSize: Int
  let pendingBytes: Int
  let connections: Int
  let recovery: RecoveryBudget
  /// Recovered and not yet sent, of all clients, in bytes.
  let recoveryMemory: Int
  let pingInterval: TimeAmount
  let pingTimeout: TimeAmount
  let handshakeTimeout: TimeAmount
  let drainTimeout: TimeAmount
  /// Publications of one connection over time; nil: as many as it likes.
  let publishing: TokenBucket?
  /// Nil: however old.
  let connectionAge: ConnectionAge?
  /// Of a request, in bytes.
  let headerSize: Int
  /// Of one connection.
  let groups: Int
  /// In bytes of JSON.
  let presenceMetaSize: Int
  /// The most members that a list brings unasked.
  let presenceCap: Int
  /// Between two reports that a session is active.
  let activityInterval: TimeAmount
  private let activeWindow: Duration
  /// Between two comments to who only reads.
  let eventStreamHeartbeat: TimeAmount
  let eventStreamDuration: TimeAmount
  /// How long a browser waits before it comes back.
  let eventStreamRetry: TimeAmount
  /// How long a poll waits for something new, unless it says so itself.
  let pollWait: TimeAmount
  let maximumPollWait: TimeAmount
  /// Streams of one HTTP/2 connection; 0: HTTP/2 is not spoken.
  let http2Streams: Int
  /// Nil: nothing is compressed.
  let compression: CompressionSettings?

  /// Of a request, in bytes: an event and its envelope.
  var bodySize: Int { messageSize + Self.envelopeAllowance }

  /// Who was seen later is active; milliseconds since 1970.
  func activeSince(_ wallClock: Int64) -> Int64 {
    wallClock - TimeAmount(activeWindow).nanoseconds / 1_000_000
  }

  init(_ configuration: Configuration) {
    let (limits, presence) = (configuration.limits, configuration.presence)
    messageSize = limits.messageSize
    frameSize = limits.frameSize
    pendingBytes = limits.pendingBytes
    connections = limits.connections
    recovery = RecoveryBudget(
      publications: limits.recoveryPublications, bytes: limits.recoveryBytes)
    recoveryMemory = limits.recoveryMemory
    pingInterval = TimeAmount(limits.pingInterval)
    pingTimeout = TimeAmount(limits.pingTimeout)
    handshakeTimeout = TimeAmount(limits.handshakeTimeout)
    drainTimeout = TimeAmount(limits.drainTimeout)
    publishing = limits.publishBucket
    connectionAge = limits.connectionAge
    headerSize = limits.headerSize
    groups = limits.groupsPerSession
    presenceMetaSize = presence.metaSize
    presenceCap = presence.cap
    activityInterval = TimeAmount(
      min(.seconds(60), presence.awayAfter / 4, presence.activeWindow / 4))
    activeWindow = presence.activeWindow
    eventStreamHeartbeat = TimeAmount(configuration.eventStream.heartbeat)
    eventStreamDuration = TimeAmount(configuration.eventStream.duration)
    eventStreamRetry = TimeAmount(configuration.eventStream.retry)
    pollWait = TimeAmount(configuration.longPoll.wait)
    maximumPollWait = TimeAmount(configuration.longPoll.maximumWait)
    http2Streams = configuration.http2.isEnabled ? configuration.http2.streams : 0
    compression = CompressionSettings(configuration.compression)
  }
}

/// How many connections a gateway has, over all loops.
final class ConnectionCount: Sendable {
  private let value = Atomic<Int>(0)

  func increment() {
    value.add(1, ordering: .relaxed)
  }

  /// Handshakes under way are not counted: the limit may be passed by as many.
  func isFull(limit: Int) -> Bool {
    value.load(ordering: .relaxed) >= limit
  }

  func decrement() {
    value.subtract(1, ordering: .relaxed)
  }
}
