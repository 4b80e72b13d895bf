/// Who may enter a route.
package struct AccessRule: Sendable {
  /// Users without a token may enter.
  package var allowsAnonymous: Bool
  /// All must hold for a user with a token.
  package var conditions: [ClaimCondition]
  /// What the application's back end is asked about as well.
  package var hookEvents: Set<AccessEvent>

  package init(
    allowsAnonymous: Bool = false, conditions: [ClaimCondition] = [],
    hookEvents: Set<AccessEvent> = []
  ) {
    self.allowsAnonymous = allowsAnonymous
    self.conditions = conditions
    self.hookEvents = hookEvents
  }

  /// Whether a user whose token has `claims` may enter with these path variables.
  package func permits(
    claims: [String: JSONValue], variables: [String: String], user: String
  ) -> Bool {
    conditions.allSatisfy { $0.holds(claims: claims, variables: variables, user: user) }
  }
}

/// A demand on one claim of a token.
package struct ClaimCondition: Sendable {
  /// What a claim is compared with: text with places, or a fixed value.
  package enum Operand: Sendable {
    case text(TextTemplate)
    case fixed(JSONValue)
  }

  /// How it is compared.
  package enum Test: Sendable {
    case equals(Operand)
    case isOne(of: [Operand])
    /// The claim is a list with this element.
    case contains(Operand)
  }

  package var claim: String
  package var test: Test

  package init(claim: String, test: Test) {
    self.claim = claim
    self.test = test
  }

  func holds(claims: [String: JSONValue], variables: [String: String], user: String) -> Bool {
    guard let value = claims[claim] else { return false }
    func matches(_ value: JSONValue, _ operand: Operand) -> Bool {
      switch operand {
      case .fixed(let expected): value == expected
      case .text(let template): Self.text(value) == template.filled(variables, user: user)
      }
    }
    switch test {
    case .equals(let operand):
      return matches(value, operand)
    case .isOne(let operands):
      return operands.contains { matches(value, $0) }
    case .contains(let operand):
      guard case .array(let elements) = value else { return false }
      return elements.contains { matches($0, operand) }
    }
  }

  /// A path variable is text; a claim that means the same may be a number.
  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .number(let number): Int64(exactly: number).map { String($0) } ?? String(number)
    case .null, .bool, .array, .object: nil
    }
  }
}
