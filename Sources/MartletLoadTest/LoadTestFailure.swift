/// A run that could not begin.
package enum LoadTestFailure: Error, Equatable, CustomStringConvertible {
  /// A target's name has no address.
  case unresolved(target: String, reason: String)
  /// The file of authorities for `wss://` cannot be used.
  case badCertificates(reason: String)
  /// No client could join; the newest reason of each target that was tried.
  case unreachable([String])
  /// Some clients could not join in time.
  case incomplete(joined: Int, clients: Int, reasons: [String])
  /// The system's limit on open files is below what the clients need.
  case tooFewDescriptors(limit: Int, needed: Int)

  package var description: String {
    switch self {
    case .unresolved(let target, let reason):
      "cannot resolve \(target): \(reason)"
    case .badCertificates(let reason):
      reason
    case .unreachable(let reasons):
      "cannot connect to any target: \(reasons.joined(separator: "; "))"
    case .incomplete(let joined, let clients, let reasons):
      "only \(joined) of \(clients) clients could join"
        + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))")
    case .tooFewDescriptors(let limit, let needed):
      "this process may open \(limit) files, the clients need \(needed): raise the hard limit "
        + "(ulimit -Hn, or LimitNOFILE= of the service) or lower --clients"
    }
  }
}
