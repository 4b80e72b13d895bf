/// When a phase really began and ended, in seconds since the run began.
package struct PhaseRecord: Sendable, Equatable, Codable {
  package var name: String
  package var beginSeconds: Double
  package var endSeconds: Double
  /// That the plan had at its end.
  package var clients: Int

  package init(name: String, beginSeconds: Double, endSeconds: Double, clients: Int) {
    self.name = name
    self.beginSeconds = beginSeconds
    self.endSeconds = endSeconds
    self.clients = clients
  }

  enum CodingKeys: String, CodingKey {
    case name
    case beginSeconds = "begin_seconds"
    case endSeconds = "end_seconds"
    case clients
  }
}
