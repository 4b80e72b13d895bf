/// Names in braces, such as `{group}`, in texts that are completed for each client.
enum Placeholders {
  static let client = "client"
  static let group = "group"
  /// When the client meant to come; in a name that others are told, it tells how long that took.
  static let started = "started"
  /// What paths and claims may name.
  static let ofClients: Set<String> = [client, group, started]
  /// What an adapter's join messages may name.
  static let ofJoins: Set<String> = [client, group]
  /// What an adapter's publications may name.
  static let ofPublications: Set<String> = [client, group, "mark", "ref"]

  /// Whether `text` has `{name}`.
  static func contains(_ name: String, in text: String) -> Bool {
    names(in: text).contains(name)
  }

  /// The names in braces, in order. Braces of JSON do not look like them: behind those stands a quotation mark or another brace.
  static func names(in text: String) -> [String] {
    var names: [String] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      rest = rest[rest.index(after: open)...]
      let name = rest.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
      if !name.isEmpty, rest[name.endIndex...].first == "}" { names.append(String(name)) }
    }
    return names
  }

  /// What is wrong with the names in `text`; nil: nothing.
  static func problem(in text: String, allowed: Set<String>) -> String? {
    guard let unknown = names(in: text).first(where: { !allowed.contains($0) }) else { return nil }
    let names = allowed.sorted().map { "{\($0)}" }.joined(separator: ", ")
    return "{\(unknown)} is unknown; there are \(names)"
  }
}
