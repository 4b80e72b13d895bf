internal import MartletCore
internal import Yams

extension ConfigurationNode {
  /// The value as JSON (RFC 8259), in the order in which it is written, with `${NAME}` in texts replaced.
  ///
  /// Plain `true`, `false`, `null`, `~`, nothing at all, and numbers as JSON writes them mean what they do there; everything else,
  /// such as `yes`, `0x1F` or `2026-01-01`, is text. Quotes make a text of anything.
  package func json() throws(ConfigurationError) -> String {
    switch node {
    case .mapping: "{\(try jsonMembers())}"
    case .sequence:
      "[\(try Self.joined(list()) { node throws(ConfigurationError) in try node.json() })]"
    case .scalar(let scalar): try json(scalar)
    case .alias: throw error("is an alias; write the value out")
    }
  }

  /// As ``json()`` without the braces, for a mapping.
  package func jsonMembers() throws(ConfigurationError) -> String {
    guard case .mapping(let mapping) = node else {
      throw error("is not a mapping; a mapping of keys is expected")
    }
    return try Self.joined(Array(mapping)) { pair throws(ConfigurationError) in
      guard let name = pair.key.string else { throw error("a key is not a text") }
      let value = ConfigurationNode(node: pair.value, key: "\(key).\(name)", document: document)
      return "\(JSONText.quoted(name)):\(try value.json())"
    }
  }

  private func json(_ scalar: Node.Scalar) throws(ConfigurationError) -> String {
    guard scalar.style == .plain else { return JSONText.quoted(try text()) }
    switch scalar.string {
    case "true", "false": return scalar.string
    case "", "~", "null": return "null"
    case let text where Self.isNumber(text): return text
    default: return JSONText.quoted(try text())
    }
  }

  /// RFC 8259 §6.
  private static func isNumber(_ text: String) -> Bool {
    var rest = Substring(text)
    func skipDigits() -> Bool {
      let count = rest.utf8.prefix { (0x30...0x39).contains($0) }.count
      rest = rest.dropFirst(count)
      return count > 0
    }
    if rest.hasPrefix("-") { rest.removeFirst() }
    if rest.hasPrefix("0") {
      rest.removeFirst()
    } else if !skipDigits() {
      return false
    }
    if rest.hasPrefix(".") {
      rest.removeFirst()
      guard skipDigits() else { return false }
    }
    if rest.hasPrefix("e") || rest.hasPrefix("E") {
      rest.removeFirst()
      if rest.hasPrefix("+") || rest.hasPrefix("-") { rest.removeFirst() }
      guard skipDigits() else { return false }
    }
    return rest.isEmpty
  }

  private static func joined<Element>(
    _ elements: [Element], _ render: (Element) throws(ConfigurationError) -> String
  ) throws(ConfigurationError) -> String {
    var result = ""
    for element in elements {
      if !result.isEmpty { result += "," }
      result += try render(element)
    }
    return result
  }
}
