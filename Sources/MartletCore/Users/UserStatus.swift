/// How available a user is, as others see it.
package enum UserStatus: String, CaseIterable, Sendable {
  case available
  /// By choice, or because the user has done nothing for a while.
  case away
  case doNotDisturb = "do_not_disturb"
  /// Without a connection, or by choice.
  case offline

  /// What a status may be, as a sentence.
  package static var choices: String {
    "status must be one of " + allCases.map(\.rawValue).joined(separator: ", ")
  }
}
