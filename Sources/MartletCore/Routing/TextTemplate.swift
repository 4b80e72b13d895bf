/// Text with `{name}` places, such as a route's group `project_{project_id}`.
package struct TextTemplate: Hashable, Sendable {
  private enum Part: Hashable {
    case text(String)
    case variable(String)
  }

  /// The template as it was written.
  package let text: String
  private let parts: [Part]

  /// The place that stands for the id of the user who enters.
  package static let userID = "user.id"

  /// Throws ``PatternError`` if a brace is alone or names none of `allowed` or ``userID``.
  package init(_ text: String, allowed: Set<String>) throws(PatternError) {
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}") else {
        throw PatternError("a { has no }")
      }
      if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
      let name = String(rest[rest.index(after: open)..<close])
      guard allowed.contains(name) || name == Self.userID else {
        let names = (allowed.sorted() + [Self.userID]).map { "{\($0)}" }.joined(separator: ", ")
        throw PatternError("{\(name)} is not known here; there are \(names)")
      }
      parts.append(.variable(name))
      rest = rest[rest.index(after: close)...]
    }
    guard !rest.contains("}") else { throw PatternError("a } has no {") }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.text = text
    self.parts = parts
  }

  /// Whether the text depends on who enters.
  package var mentionsUser: Bool { parts.contains(.variable(Self.userID)) }

  /// The text with its places filled from `variables` and `user`.
  package func filled(_ variables: [String: String], user: String) -> String {
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .variable(Self.userID): result += user
      case .variable(let name): result += variables[name] ?? ""
      }
    }
    return result
  }

  /// Whether `candidate` could be this template with some values: what a publication that comes
  /// without a path is matched with. Places match one character or more.
  package func couldProduce(_ candidate: String) -> Bool {
    Self.match(parts[...], Substring(candidate))
  }

  private static func match(_ parts: ArraySlice<Part>, _ rest: Substring) -> Bool {
    guard let first = parts.first else { return rest.isEmpty }
    switch first {
    case .text(let text):
      return rest.hasPrefix(text) && match(parts.dropFirst(), rest.dropFirst(text.count))
    case .variable:
      guard !rest.isEmpty else { return false }
      // A shared failure of long inputs is impossible: group names end at 200 bytes.
      return rest.indices.contains { index in
        match(parts.dropFirst(), rest[rest.index(after: index)...])
      }
    }
  }
}
