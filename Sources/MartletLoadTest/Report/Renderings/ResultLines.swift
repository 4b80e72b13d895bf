#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The `type` of a line of a result file.
enum ResultLine: String, Codable {
  case interval
  case summary
}

/// Result files: NDJSON, a line for each interval, then one for the summary.
package enum ResultLines {
  private struct Interval: Codable {
    var type = ResultLine.interval
    var record: IntervalRecord

    init(_ record: IntervalRecord) { self.record = record }

    init(from decoder: any Decoder) throws {
      record = try IntervalRecord(from: decoder)
    }

    func encode(to encoder: any Encoder) throws {
      try record.encode(to: encoder)
      var container = encoder.container(keyedBy: TypeKey.self)
      try container.encode(type, forKey: .type)
    }
  }

  private enum TypeKey: String, CodingKey {
    case type
  }

  private struct Head: Decodable {
    var type: ResultLine?
  }

  /// Keys sorted, each line ending in a line feed.
  ///
  /// - Throws: `EncodingError` for numbers that JSON does not have.
  package static func render(_ report: LoadTestReport) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for interval in report.intervals { bytes += try render(interval) }
    return bytes + (try encode(report))
  }

  /// One line, for a file that grows while the run goes on.
  package static func render(_ interval: IntervalRecord) throws -> [UInt8] {
    try encode(Interval(interval))
  }

  private static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(value)) + [0x0A]
  }

  /// Reads a result file: what ``render(_:)`` writes, or the single object that the first version wrote, on any
  /// number of lines.
  ///
  /// - Throws: `ResultFileError` naming the line.
  package static func read(_ bytes: [UInt8]) throws(ResultFileError) -> LoadTestReport {
    if let report = try? JSONDecoder().decode(LoadTestReport.self, from: Data(bytes)) {
      return report
    }
    var intervals: [IntervalRecord] = []
    var summary: LoadTestReport?
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
      do {
        guard summary == nil else { throw ResultFileError.Problem.afterSummary }
        let data = Data(line)
        switch try JSONDecoder().decode(Head.self, from: data).type {
        case .interval:
          intervals.append(try JSONDecoder().decode(Interval.self, from: data).record)
        case .summary: summary = try JSONDecoder().decode(LoadTestReport.self, from: data)
        case nil: throw ResultFileError.Problem.noType
        }
      } catch {
        throw ResultFileError(line: index + 1, error)
      }
    }
    guard var report = summary else {
      throw ResultFileError(line: nil, ResultFileError.Problem.noSummary)
    }
    report.intervals = intervals
    return report
  }
}
