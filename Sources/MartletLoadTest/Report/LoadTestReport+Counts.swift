extension LoadTestReport {
  package struct Connections: Sendable, Equatable, Codable {
    /// Clients that were joined when the run ended.
    package var joined = 0
    package var attempts = 0
    package var failedAttempts = 0
    package var reconnects = 0
    package var recovered = 0
    package var notRecovered = 0
    package var resyncs = 0
    /// Ends that the load generator did not ask for, by label.
    package var ends: [String: Int] = [:]

    package init() {}

    mutating func add(_ other: Self) {
      joined += other.joined
      attempts += other.attempts
      failedAttempts += other.failedAttempts
      reconnects += other.reconnects
      recovered += other.recovered
      notRecovered += other.notRecovered
      resyncs += other.resyncs
      ends.merge(other.ends, uniquingKeysWith: +)
    }

    enum CodingKeys: String, CodingKey {
      case joined
      case attempts
      case failedAttempts = "failed_attempts"
      case reconnects
      case recovered
      case notRecovered = "not_recovered"
      case resyncs
      case ends
    }
  }

  package struct Publications: Sendable, Equatable {
    package var due = 0
    package var sent = 0
    package var resent = 0
    package var acknowledged = 0
    /// Refused with an error that a retry does not mend.
    package var rejected = 0
    package var unacknowledged = 0
    /// Events that are not acknowledged and not owed; not among the others.
    package var ephemeralSent = 0
    package var sentPerSecond = 0.0
    package var ephemeralSentPerSecond = 0.0

    package init() {}

    mutating func add(_ other: Self) {
      due += other.due
      sent += other.sent
      resent += other.resent
      acknowledged += other.acknowledged
      rejected += other.rejected
      unacknowledged += other.unacknowledged
      ephemeralSent += other.ephemeralSent
      sentPerSecond += other.sentPerSecond
      ephemeralSentPerSecond += other.ephemeralSentPerSecond
    }
  }

  package struct Deliveries: Sendable, Equatable {
    package var expected = 0
    package var delivered = 0
    package var lost = 0
    package var duplicated = 0
    package var reordered = 0
    package var overtaken = 0
    package var foreign = 0
    /// Delivered by the history when members that missed something asked after the run; not lost.
    package var recoveredLate = 0
    package var ephemeralReceived = 0
    package var deliveredPerSecond = 0.0
    package var ephemeralReceivedPerSecond = 0.0
    package var offenders: [Offender] = []

    package init() {}

    mutating func add(_ other: Self) {
      expected += other.expected
      delivered += other.delivered
      lost += other.lost
      duplicated += other.duplicated
      reordered += other.reordered
      overtaken += other.overtaken
      foreign += other.foreign
      recoveredLate += other.recoveredLate
      ephemeralReceived += other.ephemeralReceived
      deliveredPerSecond += other.deliveredPerSecond
      ephemeralReceivedPerSecond += other.ephemeralReceivedPerSecond
      var ofKind: [Offender.Kind: Int] = [:]
      offenders = (offenders + other.offenders).filter { offender in
        ofKind[offender.kind, default: 0] += 1
        return ofKind[offender.kind, default: 0] <= OffenderList.limit
      }
    }
  }
}

// Keys that older results do not have count as 0.

extension LoadTestReport.Publications: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    due = try container.decode(Int.self, forKey: .due)
    sent = try container.decode(Int.self, forKey: .sent)
    resent = try container.decode(Int.self, forKey: .resent)
    acknowledged = try container.decode(Int.self, forKey: .acknowledged)
    rejected = try container.decodeIfPresent(Int.self, forKey: .rejected) ?? 0
    unacknowledged = try container.decode(Int.self, forKey: .unacknowledged)
    ephemeralSent = try container.decodeIfPresent(Int.self, forKey: .ephemeralSent) ?? 0
    sentPerSecond = try container.decode(Double.self, forKey: .sentPerSecond)
    ephemeralSentPerSecond =
      try container.decodeIfPresent(Double.self, forKey: .ephemeralSentPerSecond) ?? 0
  }

  enum CodingKeys: String, CodingKey {
    case due
    case sent
    case resent
    case acknowledged
    case rejected
    case unacknowledged
    case ephemeralSent = "ephemeral_sent"
    case sentPerSecond = "sent_per_second"
    case ephemeralSentPerSecond = "ephemeral_sent_per_second"
  }
}

extension LoadTestReport.Deliveries: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    expected = try container.decode(Int.self, forKey: .expected)
    delivered = try container.decode(Int.self, forKey: .delivered)
    lost = try container.decode(Int.self, forKey: .lost)
    duplicated = try container.decode(Int.self, forKey: .duplicated)
    reordered = try container.decode(Int.self, forKey: .reordered)
    overtaken = try container.decode(Int.self, forKey: .overtaken)
    foreign = try container.decode(Int.self, forKey: .foreign)
    recoveredLate = try container.decodeIfPresent(Int.self, forKey: .recoveredLate) ?? 0
    ephemeralReceived = try container.decodeIfPresent(Int.self, forKey: .ephemeralReceived) ?? 0
    deliveredPerSecond = try container.decode(Double.self, forKey: .deliveredPerSecond)
    ephemeralReceivedPerSecond =
      try container.decodeIfPresent(Double.self, forKey: .ephemeralReceivedPerSecond) ?? 0
    offenders = try container.decode([Offender].self, forKey: .offenders)
  }

  enum CodingKeys: String, CodingKey {
    case expected
    case delivered
    case lost
    case duplicated
    case reordered
    case overtaken
    case foreign
    case recoveredLate = "recovered_late"
    case ephemeralReceived = "ephemeral_received"
    case deliveredPerSecond = "delivered_per_second"
    case ephemeralReceivedPerSecond = "ephemeral_received_per_second"
    case offenders
  }
}
