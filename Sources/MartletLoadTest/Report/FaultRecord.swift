/// A fault that was done to the system.
package struct FaultRecord: Sendable, Equatable, Codable {
  /// Since the run began.
  package var atSeconds: Double
  /// As in `drop 10 %` or the command.
  package var action: String
  /// As in `cut 100 connections` or `exit status 1`; nil: the run ended before.
  package var result: String?

  package init(atSeconds: Double, action: String, result: String?) {
    self.atSeconds = atSeconds
    self.action = action
    self.result = result
  }

  enum CodingKeys: String, CodingKey {
    case atSeconds = "at_seconds"
    case action
    case result
  }
}
