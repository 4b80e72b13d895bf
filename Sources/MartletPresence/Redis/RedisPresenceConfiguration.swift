package import MartletBackplane
internal import NIOCore

/// How presence uses the servers of the backplane; the same for gateways and aggregators of a cluster.
package struct RedisPresenceConfiguration: Sendable {
  /// Where shards are, and the name of this process.
  package var backplane: RedisBackplaneConfiguration
  /// When users leave, and what groups are told.
  package var rules: PresenceRules
  /// A gateway that has not renewed for this long is dead.
  package var lease: Duration
  /// Joins and leaves of a gateway travel in one batch per interval.
  package var reportInterval: Duration
  /// The most reports that wait in a shard's stream while no aggregator reads it.
  package var maximumReports = 10_000
  /// An aggregator that has not renewed for this long no longer owns its shards.
  package var ownershipLease = Duration.seconds(3)

  /// How much longer than a lease gateways have to renew after an outage of Redis: their
  /// reconnecting backs off up to this (`Backoff.maximum`).
  package static let reconnectAllowance = Duration.seconds(5)

  /// How long commands may wait for a server: less than an aggregator's ownership lasts.
  static let patience = TimeAmount.seconds(1)

  package init(
    backplane: RedisBackplaneConfiguration, rules: PresenceRules = PresenceRules(),
    lease: Duration = .seconds(6), reportInterval: Duration = .milliseconds(50)
  ) {
    self.backplane = backplane
    self.rules = rules
    self.lease = lease
    self.reportInterval = reportInterval
  }

  /// Between two renewals of a gateway: two may fail.
  var renewalInterval: TimeAmount { TimeAmount(lease / 3) }

  /// Between two looks of an aggregator at the renewals.
  var observationInterval: TimeAmount {
    TimeAmount(min(max(lease / 6, .milliseconds(50)), PresenceClock.maximumStep / 2))
  }

  /// Between two looks of an aggregator at who owns what.
  var ownershipInterval: TimeAmount { TimeAmount(ownershipLease / 6) }

  var ownershipLeaseMilliseconds: Int64 { TimeAmount(ownershipLease).nanoseconds / 1_000_000 }
}
