package import MartletCore

/// What the configuration file says (docs/configuration.md). Both daemons read the same file.
package struct Configuration: Sendable {
  package var listen = HostAndPort(host: "127.0.0.1", port: 8080)
  /// Nil: the listener speaks plain text.
  package var tls: TLS?
  package var admin = HostAndPort(host: "127.0.0.1", port: 8081)
  /// 0: one per core.
  package var loops = 0
  package var logLevel = LogLevel.info
  package var servesDemo = false
  /// Nil: every origin.
  package var origins: [String]?
  package var apiKeys: [APIKey] = []
  /// Nil: the cluster has no tenants.
  package var tenants: Tenants?
  package var backplane = Backplane()
  package var presence = Presence()
  package var compression = Compression()
  package var eventStream = EventStream()
  package var longPoll = LongPoll()
  package var http2 = HTTP2()
  package var auth = Auth()
  package var limits = Limits()
  package var routing = RoutingTable([])

  package init() {}

  /// The names of swift-log's levels.
  package enum LogLevel: String, CaseIterable, Sendable {
    case trace
    case debug
    case info
    case notice
    case warning
    case error
    case critical
  }

  package struct Backplane: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
      case memory
      case redis
    }

    package var kind = Kind.memory
    package var shards = 16
    package var idempotencyWindow = Duration.seconds(300)
    /// Shards are dealt over these; a Redis Cluster is one.
    package var sites: [RedisSite] = []
    package var tls = TLS()
    package var prefix = "martlet"
    package var publishTimeout = Duration.seconds(5)
    package var publishWait = Duration.seconds(1)
    package var shardStreamLength = 10_000
    package var linger = Duration.milliseconds(5)

    /// Whether any server is spoken to over TLS.
    package var usesTLS: Bool { sites.contains { $0.account.usesTLS } }

    /// Files in PEM for `rediss://`; nil: the system's authorities, no certificate of our own.
    package struct TLS: Sendable {
      package var authorityFile: String?
      package var certificateFile: String?
      package var privateKeyFile: String?
    }
  }

  package struct Presence: Sendable {
    package var grace = Duration.seconds(5)
    package var drainGrace = Duration.seconds(15)
    package var lease = Duration.seconds(6)
    package var reportInterval = Duration.milliseconds(50)
    package var batch = Duration.milliseconds(500)
    package var cap = 200
    package var activeWindow = Duration.seconds(300)
    package var awayAfter = Duration.seconds(300)
    package var remember = Duration.seconds(30 * 86_400)
    package var metaSize = 1 << 10
  }

  package struct Limits: Sendable {
    package var messageSize = 64 << 10
    package var frameSize = 1 << 20
    package var pendingBytes = 1 << 20
    package var connections = 100_000
    package var recoveryPublications = 1_000
    package var recoveryBytes = 4 << 20
    /// Recovered and not yet sent, of all clients of this gateway; at least ``recoveryBytes``.
    package var recoveryMemory = 256 << 20
    package var pingInterval = Duration.seconds(25)
    package var pingTimeout = Duration.seconds(20)
    package var handshakeTimeout = Duration.seconds(10)
    package var drainTimeout = Duration.seconds(10)
    /// Of a request's head, or of a handshake's.
    package var headerSize = 16 << 10
    package var groupsPerSession = 100
    /// New connections of this gateway; nil: as fast as they come. So below.
    package var acceptBucket: TokenBucket?
    /// Publications of one session.
    package var publishBucket: TokenBucket?
    package var connectionsPerAddress: Int?
    package var connectionAge: ConnectionAge?
    /// Of routes without a quota of their own.
    package var userPublications: Quota?
  }
}
