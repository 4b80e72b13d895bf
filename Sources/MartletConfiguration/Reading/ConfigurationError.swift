/// Why a configuration is refused: where, which key, which value, and what is allowed.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package var file: String
  /// Counted from 1; nil if the problem is not at one place.
  package var line: Int?
  /// Dotted, as in `limits.message_size` or `routes[0].path`.
  package var key: String
  package var problem: String

  package init(file: String, line: Int?, key: String, problem: String) {
    self.file = file
    self.line = line
    self.key = key
    self.problem = problem
  }

  package var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    return key.isEmpty ? "\(place): \(problem)" : "\(place): \(key): \(problem)"
  }
}
