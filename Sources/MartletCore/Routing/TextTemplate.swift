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
  /// without a path is matched with. Places match one byte or more.
  ///
  /// Taking the first occurrence of each text is enough, as for any pattern whose only wildcards match
  /// everything; so the time is linear in practice whatever the names.
  package func couldProduce(_ candidate: some StringProtocol) -> Bool {
    let bytes = Array(candidate.utf8)
    var index = 0
    // Places since the last text, each of which needs a byte.
    var places = 0
    for (number, part) in parts.enumerated() {
      switch part {
      case .variable:
        places += 1
      case .text(let text):
        let text = Array(text.utf8)
        let isLast = number == parts.count - 1
        let starts =
          if places == 0 {
            index...index
          } else if isLast {
            (bytes.count - text.count)...(bytes.count - text.count)
          } else {
            (index + places)...max(index + places, bytes.count)
          }
        let start = starts.first { start in
          start >= index + places && bytes.dropFirst(start).starts(with: text)
        }
        guard let start else { return false }
        index = start + text.count
        places = 0
      }
    }
    return places > 0 ? bytes.count - index >= places : index == bytes.count
  }
}
