internal import Foundation
package import MartletCore

/// A JSON object of a test.
package struct JSONObject: Equatable, Sendable {
  package var fields: [String: JSONValue]

  /// Throws if `text` is not a JSON object.
  package init(fields: [String: JSONValue]) {
    self.fields = fields
  }

  package init(_ text: String) throws {
    fields = try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
  }

  /// The value at a dotted path.
  package subscript(path: String) -> JSONValue? {
    var value: JSONValue? = .object(fields)
    for key in path.split(separator: ".") {
      guard case .object(let fields)? = value else { return nil }
      value = fields[String(key)]
    }
    return value
  }

  /// The text at a dotted path.
  package func text(_ path: String) -> String? {
    if case .string(let text)? = self[path] { text } else { nil }
  }

  /// The number at a dotted path.
  package func number(_ path: String) -> Int? {
    if case .number(let number)? = self[path] { Int(exactly: number) } else { nil }
  }

  /// The list at a dotted path.
  package func list(_ path: String) -> [JSONValue]? {
    if case .array(let list)? = self[path] { list } else { nil }
  }

  /// The texts at `key` of the objects in the list at a dotted path, sorted.
  package func texts(_ path: String, _ key: String) -> [String] {
    (list(path) ?? []).compactMap { element in
      if case .object(let fields) = element, case .string(let text)? = fields[key] {
        text
      } else {
        nil
      }
    }.sorted()
  }
}
