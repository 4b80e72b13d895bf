/// Why a file is not a result.
package struct ResultFileError: Error, Equatable, CustomStringConvertible {
  enum Problem: Error {
    case noType
    case afterSummary
    case noSummary
  }

  /// From 1; nil: the file as a whole.
  package let line: Int?
  package let reason: String

  init(line: Int?, _ error: any Error) {
    self.line = line
    reason = Self.describe(error)
  }

  package var description: String { line.map { "line \($0): \(reason)" } ?? reason }

  private static func describe(_ error: any Error) -> String {
    switch error {
    case Problem.noType: return "an object with a \"type\" of interval or summary is expected"
    case Problem.afterSummary: return "nothing may follow the summary"
    case Problem.noSummary:
      return "there is no summary, which is the last line of a result; was the run killed?"
    case DecodingError.keyNotFound(let key, let context):
      return "key '\(path(context, key))' is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      let place = path(context)
      return place.isEmpty
        ? "not JSON: \(context.debugDescription)" : "key '\(place)': \(context.debugDescription)"
    default: return String(describing: error)
    }
  }

  private static func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil)
    -> String
  {
    (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
  }
}
