/// Names a run inside its publications, so that those of earlier runs, which a group's history may
/// replay, are told apart.
package struct RunIdentifier: Sendable, Equatable, Codable {
  /// Eight hexadecimal digits.
  let text: String

  /// Of the same length as every other; for computing sizes.
  static let example = RunIdentifier(text: "00000000")

  /// For tests.
  static func fixed(_ text: String) -> RunIdentifier { RunIdentifier(text: text) }

  private init(text: String) {
    self.text = text
  }

  package init(using generator: inout some RandomNumberGenerator) {
    let digits = String(UInt32.random(in: .min ... .max, using: &generator), radix: 16)
    self.init(text: String(repeating: "0", count: 8 - digits.count) + digits)
  }
}
