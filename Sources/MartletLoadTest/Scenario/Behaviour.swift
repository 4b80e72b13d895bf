/// What one kind of client does.
package struct Behaviour: Sendable, Equatable, Codable {
  package enum Transport: String, Sendable, CaseIterable, Codable {
    /// RFC 6455, over TLS if the target is `wss://`.
    case webSocket = "websocket"
    /// RFC 8441: many clients on one connection.
    case webSocketOverHTTP2 = "websocket_h2"
    /// Server-sent events; publishes by requests of its own.
    case eventStream = "sse"
    /// The same on streams of HTTP/2: many readers on one connection.
    case eventStreamOverHTTP2 = "sse_h2"
    /// Long polls; publishes by requests of its own.
    case poll

    /// Whether many clients have one connection.
    package var sharesConnections: Bool {
      self == .webSocketOverHTTP2 || self == .eventStreamOverHTTP2
    }
  }

  package var name: String
  /// The share of clients, in relation to the other behaviours' weights.
  package var weight = 1
  package var transport = Transport.webSocket
  /// Offers permessage-deflate (RFC 7692).
  package var isCompressed = false
  /// Of one HTTP/2 connection.
  package var streamsPerConnection = 100
  /// Path and query of the WebSocket's upgrade, for every transport. `{group}` is the number of the group, `{client}` that of the client.
  package var path = "/ws/load/{group}/"
  /// The name of a ``GroupSpread``.
  package var group: String
  package var token = TokenSource.none
  /// Nil: only listens.
  package var publishing: Publishing?
  /// Counts and times `user_joined` of others.
  package var watchesPresence = false
  /// How long a client stays connected before it leaves; nil: always. Leaves are clean closes.
  package var stay: DelayRange?
  /// How long it is away then, before it comes back with its position.
  package var away = DelayRange(lowest: .seconds(1), highest: .seconds(1))

  package init(name: String, group: String) {
    self.name = name
    self.group = group
  }
}

/// What a client publishes, and when.
package struct Publishing: Sendable, Equatable, Codable {
  /// Between two publications at pace 1.
  package enum Gap: Sendable, Equatable, Codable {
    /// Clients' phases divide the gap evenly.
    case constant(Duration)
    /// Think times: uniform between two bounds.
    case uniform(Duration, Duration)
    /// Exponential with this mean: arrivals as of many independent people.
    case exponential(mean: Duration)
  }

  /// In bytes of the event, without `ref` and `idempotency_id`.
  package enum Size: Sendable, Equatable, Codable {
    case constant(Int)
    case uniform(Int, Int)
  }

  /// `type` of the events.
  package var type = "load"
  package var gap: Gap
  package var size = Size.constant(128)
  /// Further members of the event, as JSON without the braces; empty: none.
  package var fields = ""
  /// Such events (typing, cursors) may be dropped, have no acknowledgement, and are not owed.
  package var isEphemeral = false

  package init(gap: Gap) {
    self.gap = gap
  }
}

/// Where a client's token comes from.
package enum TokenSource: Sendable, Equatable, Codable {
  case none
  /// The same for all.
  case fixed(String)
  /// One on each line; client `i` has line `i mod lines`.
  case file(String)
  /// Signed by this program. In texts of `claims`, a JSON object, `{client}` and `{group}` are numbers.
  case signed(algorithm: SigningAlgorithm, secret: String, claims: String, lifetime: Duration)

  package enum SigningAlgorithm: String, Sendable, CaseIterable, Codable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
  }
}
