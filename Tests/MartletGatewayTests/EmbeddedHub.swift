import Logging
import MartletAccess
import MartletBackplane
import MartletConfiguration
import MartletCore
import MartletPresence
import MartletProtocol
import NIOCore
import NIOEmbedded

@testable import MartletGateway

/// A hub on a loop that runs when a test says so, and sessions on it.
enum EmbeddedHub {
  /// - Parameter shardLoop: of the backplane; nil: the hub's.
  static func make(
    _ loop: EmbeddedEventLoop, shardLoop: EmbeddedEventLoop? = nil,
    presence: SilentPresence? = nil
  ) async throws -> Hub {
    let backplane = InMemoryBackplane(
      shards: ShardMap(count: 1), eventLoops: [shardLoop ?? loop])
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let access = try await AccessControl(
      Configuration.Auth(), file: "test.yaml", logger: logger)
    return Hub(
      index: 0, eventLoop: loop,
      services: GatewayServices(
        backplane: backplane, presence: presence ?? SilentPresence(loop),
        userQuota: InMemoryUserQuota(on: loop),
        configuration: Configuration(), access: access, incarnation: "n", loopCount: 1,
        logger: logger))
  }

  static func session(
    _ id: String, _ hub: Hub, hasPresence: Bool = false
  ) throws -> (Session, RecordingTransport) {
    let transport = RecordingTransport()
    return (try session(id, hub, over: transport, hasPresence: hasPresence), transport)
  }

  static func session(
    _ id: String, _ hub: Hub, over transport: any SessionTransport, hasPresence: Bool = false
  ) throws -> Session {
    let route = Route(
      path: try PathPattern("/g"), group: try TextTemplate("g", allowed: []),
      events: ["x": EventRule()])
    let user = User(id: id, name: nil)
    let presence = SessionPresence(
      PresenceSession(group: Example.group, connectionID: id, user: user), meta: PresenceMeta(),
      services: hub.services)
    return Session(
      subject: AccessSubject(
        connectionID: id, user: user, tenant: nil, claimsText: nil, remoteAddress: nil),
      expires: nil, origin: "{}",
      primary: Subscription(
        group: Example.group, route: route, presence: hasPresence ? presence : nil),
      transport: transport, hub: hub)
  }
}

/// A connection that keeps what it is given.
final class RecordingTransport: SessionTransport {
  let unsentBytes = 0
  var frames = 0
  var texts: [String] = []
  var isReading = true
  let kind = TransportKind.webSocket
  var format: WireFormat { .webSocket }
  var heartbeat: TimeAmount? { nil }
  var isCongested: Bool { false }

  func send(_ frames: ByteBuffer) { self.frames += 1 }
  func send(text: String, position: Position?) { texts.append(text) }
  func ping() {}
  func setReading(_ isReading: Bool) { self.isReading = isReading }
  func close(_ reason: CloseReason) {}
  func abort() {}
}
