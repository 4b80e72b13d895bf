import Foundation
import Testing

@testable import MartletCore

/// The tables in docs/protocol.md and those in the code are the same.
@Suite struct DocumentedTablesTests {
  /// The cells of the rows of the table that follows a heading, of which `heading` is the beginning.
  private func table(after heading: String) throws -> [[String]] {
    let file = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/protocol.md")
    let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    let start = try #require(lines.firstIndex { $0.hasPrefix(heading) })
    return lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.dropFirst(2)
      .map { line in
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
          $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
        }
      }
  }

  @Test func `Close codes`() throws {
    let rows = try table(after: "### Close codes")
    #expect(rows.map { $0[0] } == CloseReason.allCases.map { "\($0.code)" })
    #expect(rows.map { $0[1] } == CloseReason.allCases.map(\.label))
    #expect(rows.map { $0[2].hasPrefix("yes") } == CloseReason.allCases.map(\.shouldReconnect))
  }

  @Test func `Statuses`() throws {
    let rows = try table(after: "**Status.**")
    #expect(rows.map { $0[0] } == UserStatus.allCases.map(\.rawValue))
  }

  @Test func `Error codes`() throws {
    let rows = try table(after: "### Error codes")
    #expect(rows.map { $0[0] } == ErrorCode.allCases.map(\.rawValue))
    for (row, code) in zip(rows, ErrorCode.allCases) where row[1] != "–" {
      #expect(row[1] == "\(code.httpStatus)")
    }
  }
}
