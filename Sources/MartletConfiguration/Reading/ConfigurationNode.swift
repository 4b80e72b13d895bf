internal import MartletCore
internal import Yams

/// A place in a YAML document that knows its key and line, so that errors can name them.
package struct ConfigurationNode {
  var node: Node
  /// Dotted, from the top of the document.
  package var key: String
  var document: ConfigurationDocument

  package func error(_ problem: String) -> ConfigurationError {
    ConfigurationError(
      file: document.file, line: node.mark?.line, key: key, problem: problem)
  }

  // MARK: Structure

  package func mapping() throws(ConfigurationError) -> ConfigurationMapping {
    guard case .mapping(let mapping) = node else {
      throw error("is \(kind); a mapping of keys is expected")
    }
    return try ConfigurationMapping(self, mapping)
  }

  package func list() throws(ConfigurationError) -> [ConfigurationNode] {
    guard case .sequence(let sequence) = node else {
      throw error("is \(kind); a list is expected")
    }
    return sequence.enumerated().map { index, element in
      ConfigurationNode(node: element, key: "\(key)[\(index)]", document: document)
    }
  }

  /// Whether there are keys, and not a single value or a list.
  package var isMapping: Bool {
    if case .mapping = node { true } else { false }
  }

  package var isList: Bool {
    if case .sequence = node { true } else { false }
  }

  /// The place of a key below this one, as in `phases[0].hold`, or of the nearest one above it that is written down.
  package func nearest(to key: String) -> ConfigurationNode {
    var place = self
    search: while place.key != key {
      switch place.node {
      case .mapping(let mapping):
        for (name, value) in mapping {
          guard let name = name.string else { continue }
          let below = place.key.isEmpty ? name : "\(place.key).\(name)"
          guard Self.isPlace(below, onTheWayTo: key) else { continue }
          place = ConfigurationNode(node: value, key: below, document: document)
          continue search
        }
        return place
      case .sequence(let sequence):
        for (index, element) in sequence.enumerated() {
          let below = "\(place.key)[\(index)]"
          guard Self.isPlace(below, onTheWayTo: key) else { continue }
          place = ConfigurationNode(node: element, key: below, document: document)
          continue search
        }
        return place
      case .scalar, .alias: return place
      }
    }
    return place
  }

  private static func isPlace(_ place: String, onTheWayTo key: String) -> Bool {
    key == place || key.hasPrefix("\(place).") || key.hasPrefix("\(place)[")
  }

  private var kind: String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "empty" : "\"\(scalar.string)\""
    case .mapping: "a mapping"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  // MARK: Scalars

  /// The scalar's text, with `${NAME}` and `${NAME:-default}` replaced.
  package func text() throws(ConfigurationError) -> String {
    guard case .scalar(let scalar) = node else { throw error("is \(kind); a text is expected") }
    var result = ""
    var rest = scalar.string[...]
    while let open = rest.range(of: "${") {
      guard let close = rest[open.upperBound...].firstIndex(of: "}") else {
        throw error("\"${\" has no \"}\"")
      }
      result += rest[..<open.lowerBound]
      let inner = rest[open.upperBound..<close]
      rest = rest[rest.index(after: close)...]
      let name: Substring
      var fallback: Substring?
      if let separator = inner.range(of: ":-") {
        name = inner[..<separator.lowerBound]
        fallback = inner[separator.upperBound...]
      } else {
        name = inner
      }
      guard let value = document.environment[String(name)] ?? fallback.map(String.init) else {
        throw error("the environment variable \(name) is not set")
      }
      result += value
    }
    return result + rest
  }

  /// `allowed` completes the sentence "… is not allowed; allowed is …".
  package func value<Value>(
    allowed: String, _ parse: (String) -> Value?
  ) throws(ConfigurationError) -> Value {
    let text = try text()
    guard let value = parse(text) else {
      throw error("\"\(text)\" is not allowed; allowed is \(allowed)")
    }
    return value
  }

  package func integer(_ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    try value(allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  package func boolean() throws(ConfigurationError) -> Bool {
    try value(allowed: "true or false") { text in
      switch text {
      case "true": true
      case "false": false
      default: nil
      }
    }
  }

  package func duration(_ range: ClosedRange<Duration>) throws(ConfigurationError) -> Duration {
    let lower = DurationText.format(range.lowerBound)
    let upper = DurationText.format(range.upperBound)
    return try value(
      allowed: "a duration from \(lower) to \(upper), such as 250ms, 5s, 10m, 1h, 7d"
    ) {
      text in
      DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  package func size(_ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    let lower = SizeText.format(range.lowerBound)
    let upper = SizeText.format(range.upperBound)
    return try value(allowed: "a size from \(lower) to \(upper), such as 512B, 64KiB, 1MiB") {
      text in
      SizeText.parse(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  package func oneOf<Choice: RawRepresentable & CaseIterable>(
    _ type: Choice.Type
  ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
    let names = type.allCases.map(\.rawValue).joined(separator: ", ")
    return try value(allowed: "one of \(names)") { Choice(rawValue: $0) }
  }

  /// A list of which each element is one of a few names.
  package func list<Choice: RawRepresentable & CaseIterable>(
    of type: Choice.Type
  ) throws(ConfigurationError) -> [Choice] where Choice.RawValue == String {
    try list().map { element throws(ConfigurationError) in try element.oneOf(type) }
  }

  func address() throws(ConfigurationError) -> HostAndPort {
    try value(allowed: "HOST:PORT with a port from 0 to 65535") { HostAndPort($0) }
  }

  /// Any YAML value as JSON has it, for comparison with claims.
  func plainValue() throws(ConfigurationError) -> JSONValue {
    guard case .scalar = node else { throw error("is \(kind); a single value is expected") }
    if let value = node.bool { return .bool(value) }
    if let value = node.float { return .number(value) }
    return .string(try text())
  }

  /// Whether YAML reads the scalar as text (quoted, or not like a number or boolean).
  var isText: Bool {
    if case .scalar(let scalar) = node, scalar.style != .plain { return true }
    return node.bool == nil && node.float == nil
  }
}

extension Substring {
  /// The first place of `text`.
  fileprivate func range(of text: String) -> Range<Index>? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) {
        return index..<self.index(index, offsetBy: text.count)
      }
      index = self.index(after: index)
    }
    return nil
  }
}
