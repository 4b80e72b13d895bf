#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The result of a run; as JSON, the summary that docs/loadtest.md describes.
package struct LoadTestReport: Sendable, Equatable, Codable {
  /// Exit statuses of `martlet-loadtest`; 64 (usage) comes from the argument parser.
  package enum ExitStatus: Int32, Sendable {
    case ok = 0
    /// Something was lost, duplicated, reordered or never acknowledged.
    case failed = 1
    /// The run could not begin.
    case unreachable = 2
    case interrupted = 130
  }

  package struct Connections: Sendable, Equatable, Codable {
    /// Clients that were joined when the run ended.
    package var joined: Int
    package var attempts: Int
    package var failedAttempts: Int
    package var reconnects: Int
    package var recovered: Int
    package var notRecovered: Int
    package var resyncs: Int
    /// Ends that the load generator did not ask for, by label.
    package var ends: [String: Int]

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

  package struct Publications: Sendable, Equatable, Codable {
    package var due: Int
    package var sent: Int
    package var resent: Int
    package var acknowledged: Int
    package var unacknowledged: Int
    package var sentPerSecond: Double

    enum CodingKeys: String, CodingKey {
      case due
      case sent
      case resent
      case acknowledged
      case unacknowledged
      case sentPerSecond = "sent_per_second"
    }
  }

  package struct Deliveries: Sendable, Equatable, Codable {
    package var expected: Int
    package var delivered: Int
    package var lost: Int
    package var duplicated: Int
    package var reordered: Int
    package var overtaken: Int
    package var foreign: Int
    package var deliveredPerSecond: Double
    package var offenders: [Offender]

    enum CodingKeys: String, CodingKey {
      case expected
      case delivered
      case lost
      case duplicated
      case reordered
      case overtaken
      case foreign
      case deliveredPerSecond = "delivered_per_second"
      case offenders
    }
  }

  package struct LatencySummaries: Sendable, Equatable, Codable {
    package var connect: LatencySummary
    package var join: LatencySummary
    package var acknowledge: LatencySummary
    package var deliver: LatencySummary
  }

  package var commandLine: String
  /// Of this run's publications.
  package var run: String
  package var clients: Int
  package var groups: Int
  /// From the first intended publication to the end of the wait for stragglers.
  package var runSeconds: Double
  package var isInterrupted: Bool
  package var isGeneratorBound: Bool
  package var connections: Connections
  package var publications: Publications
  package var deliveries: Deliveries
  package var latencies: LatencySummaries
  /// `error` messages by code.
  package var errors: [String: Int]
  package var generator: GeneratorHealth

  enum CodingKeys: String, CodingKey {
    case commandLine = "command_line"
    case run
    case clients
    case groups
    case runSeconds = "run_seconds"
    case isInterrupted = "interrupted"
    case isGeneratorBound = "generator_bound"
    case connections
    case publications
    case deliveries
    case latencies
    case errors
    case generator
  }

  /// Nothing was lost, duplicated, reordered or left unacknowledged.
  package var isClean: Bool {
    deliveries.lost == 0 && deliveries.duplicated == 0 && deliveries.reordered == 0
      && publications.unacknowledged == 0
  }

  package var exitStatus: ExitStatus {
    if isInterrupted { return .interrupted }
    return isClean ? .ok : .failed
  }

  /// The JSON summary, keys sorted, ending in a line feed.
  package func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try [UInt8](encoder.encode(self)) + [0x0A]
  }
}
