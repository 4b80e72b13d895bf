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
  /// A worker process is silent.
  case workerLost(String)
  /// It was interrupted.
  case workerLeft(String)
  /// A worker process could not do its part.
  case workerFailed(String, reason: String)
  /// There is no coordinator, or it does not want this worker.
  case notWanted(coordinator: String, reason: String)
  /// Interrupted while waiting for workers.
  case interruptedEarly
  /// A port of this program cannot be had.
  case portTaken(address: String, reason: String)
  /// The clients need more sockets than this process may have.
  case tooFewSockets(advice: String)

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
    case .workerLeft(let worker):
      "\(worker) was interrupted: there is no verdict without its clients, and so no result"
    case .workerLost(let worker):
      "\(worker) has not been heard of for too long: there is no verdict without its clients, and so no result"
    case .workerFailed(let worker, let reason):
      "\(worker): \(reason)"
    case .notWanted(let coordinator, let reason):
      "the coordinator \(coordinator): \(reason)"
    case .interruptedEarly:
      "interrupted before all workers were there"
    case .portTaken(let address, let reason):
      "cannot listen on \(address): \(reason)"
    case .tooFewSockets(let advice):
      advice
    }
  }
}
