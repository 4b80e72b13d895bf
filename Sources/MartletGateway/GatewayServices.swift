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
  let logger: Logger

  init(
    backplane: any Backplane, presence: any Presence, configuration: Configuration,
    access: AccessControl, incarnation: String, loopCount: Int, logger: Logger
  ) {
    self.backplane = backplane
    self.presence = presence
    self.routing = configuration.routing
    self.limits = GatewayLimits(configuration.limits, configuration.presence)
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
struct GatewayLimits: Sendable {
  var messageSize: Int
  var frameSize: Int
  var pendingBytes: Int
  var connections: Int
  var recovery: RecoveryBudget
  var pingInterval: TimeAmount
  var pingTimeout: TimeAmount
  var handshakeTimeout: TimeAmount
  var drainTimeout: TimeAmount
  /// In bytes of JSON.
  var presenceMetaSize: Int
  /// The most members that a list brings unasked.
  var presenceCap: Int
  /// Between two reports that a session is active.
  var activityInterval: TimeAmount
  private var activeWindow: Duration

  /// Who was seen later is active; milliseconds since 1970.
  func activeSince(_ wallClock: Int64) -> Int64 {
    wallClock - TimeAmount(activeWindow).nanoseconds / 1_000_000
  }

  init(_ limits: Configuration.Limits, _ presence: Configuration.Presence) {
    messageSize = limits.messageSize
    frameSize = limits.frameSize
    pendingBytes = limits.pendingBytes
    connections = limits.connections
    recovery = RecoveryBudget(
      publications: limits.recoveryPublications, bytes: limits.recoveryBytes)
    pingInterval = TimeAmount(limits.pingInterval)
    pingTimeout = TimeAmount(limits.pingTimeout)
    handshakeTimeout = TimeAmount(limits.handshakeTimeout)
    drainTimeout = TimeAmount(limits.drainTimeout)
    presenceMetaSize = presence.metaSize
    presenceCap = presence.cap
    activityInterval = TimeAmount(
      min(.seconds(60), presence.awayAfter / 4, presence.activeWindow / 4))
    activeWindow = presence.activeWindow
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
