/// Where the keys of session tickets come from.
///
/// Clients come back to any gateway without a full handshake, also after a restart, if all have the same secret.
package enum TicketSecret: Hashable, Sendable {
  /// Random, for as long as this process runs.
  case ofProcess
  case text(String)
  /// What the file has, without spaces and line ends around it. Read with the certificates.
  case file(String)

  /// Fewer bytes are refused: whoever guesses the secret reads what TLS 1.2 has carried.
  package static let minimumLength = 32
}
