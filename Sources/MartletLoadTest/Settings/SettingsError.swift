/// A refused setting: names the option, the value and what is allowed.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
  /// The option as the user types it, with its dashes.
  package let option: String
  /// The value as it was given.
  package let value: String
  /// What would have been accepted.
  package let allowed: String

  package init(option: String, value: String, allowed: String) {
    self.option = option
    self.value = value
    self.allowed = allowed
  }

  package var description: String { "\(option) '\(value)' is refused: \(allowed)" }
}
