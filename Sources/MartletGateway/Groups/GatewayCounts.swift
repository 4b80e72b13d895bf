internal import MartletCore

/// What one event loop has counted. Plain integers: read when scraped, summed over the loops.
struct GatewayCounts: Sendable {
  var connectionsOpened: UInt64 = 0
  var connectionsRefused: UInt64 = 0
  var http2Connections: UInt64 = 0
  var handshakes: [HandshakeOutcome: UInt64] = [:]
  var sessions: [TransportKind: UInt64] = [:]
  var joins: UInt64 = 0
  var recoveries: UInt64 = 0
  var failedRecoveries: UInt64 = 0
  var postponedRecoveries: UInt64 = 0
  var publications: UInt64 = 0
  var failedPublications: UInt64 = 0
  var deliveries: UInt64 = 0
  var droppedEphemeral: UInt64 = 0
  var repairs: UInt64 = 0
  var resyncs: UInt64 = 0
  var closes: [CloseReason: UInt64] = [:]
  var refusals: [ErrorCode: UInt64] = [:]

  static func + (left: GatewayCounts, right: GatewayCounts) -> GatewayCounts {
    GatewayCounts(
      connectionsOpened: left.connectionsOpened + right.connectionsOpened,
      connectionsRefused: left.connectionsRefused + right.connectionsRefused,
      http2Connections: left.http2Connections + right.http2Connections,
      handshakes: left.handshakes.merging(right.handshakes, uniquingKeysWith: +),
      sessions: left.sessions.merging(right.sessions, uniquingKeysWith: +),
      joins: left.joins + right.joins,
      recoveries: left.recoveries + right.recoveries,
      failedRecoveries: left.failedRecoveries + right.failedRecoveries,
      postponedRecoveries: left.postponedRecoveries + right.postponedRecoveries,
      publications: left.publications + right.publications,
      failedPublications: left.failedPublications + right.failedPublications,
      deliveries: left.deliveries + right.deliveries,
      droppedEphemeral: left.droppedEphemeral + right.droppedEphemeral,
      repairs: left.repairs + right.repairs,
      resyncs: left.resyncs + right.resyncs,
      closes: left.closes.merging(right.closes, uniquingKeysWith: +),
      refusals: left.refusals.merging(right.refusals, uniquingKeysWith: +))
  }
}

/// How a TLS handshake ended.
enum HandshakeOutcome: String, CaseIterable, Sendable {
  case full
  /// It continued an earlier session.
  case resumed
  /// Refused, broken off, or not done in time.
  case failed
}
