/// A route's path: literal segments and `{name}` variables, each of which matches one segment.
///
/// Slashes at the end do not matter.
package struct PathPattern: Hashable, Sendable {
  private enum Segment: Hashable {
    case literal(String)
    case variable(String)
  }

  /// The pattern as it was written.
  package let text: String
  private let segments: [Segment]

  /// Throws ``PatternError`` with a sentence on what is wrong.
  package init(_ text: String) throws(PatternError) {
    guard text.hasPrefix("/") else { throw PatternError("a path begins with /") }
    var segments: [Segment] = []
    var names: Set<String> = []
    for part in Self.split(text) {
      guard part.contains(where: { $0 == "{" || $0 == "}" }) else {
        segments.append(.literal(String(part)))
        continue
      }
      guard part.hasPrefix("{"), part.hasSuffix("}"), Self.isName(part.dropFirst().dropLast())
      else { throw PatternError("a variable is a whole segment, as in /rooms/{room}/") }
      let name = String(part.dropFirst().dropLast())
      guard names.insert(name).inserted else {
        throw PatternError("the variable {\(name)} stands twice")
      }
      segments.append(.variable(name))
    }
    self.text = text
    self.segments = segments
  }

  /// The names of the variables.
  package var variables: Set<String> {
    Set(
      segments.compactMap { segment in
        if case .variable(let name) = segment { name } else { nil }
      })
  }

  /// The variables' values if `path` (without query) matches, else nil.
  package func match(_ path: Substring) -> [String: String]? {
    match(Self.split(path))
  }

  /// The same for a path that is split already.
  func match(_ parts: [Substring]) -> [String: String]? {
    guard parts.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (part, segment) in zip(parts, segments) {
      switch segment {
      case .literal(let literal):
        guard part == literal else { return nil }
      case .variable(let name):
        values[name] = String(part)
      }
    }
    return values
  }

  /// The segments of a path.
  static func split(_ path: some StringProtocol) -> [Substring] {
    // Bytes, not characters: a slash is one wherever it stands (RFC 3986 §3.3).
    Substring(path).utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }
  }

  static func isName(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }
}

/// What is wrong with a path pattern or a text template.
package struct PatternError: Error, Equatable {
  package var message: String

  package init(_ message: String) {
    self.message = message
  }
}
