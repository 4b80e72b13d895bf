/// Metrics in the Prometheus text exposition format 0.0.4.
package struct PrometheusText {
  /// What a metric is.
  package enum Kind: String {
    case counter
    case gauge
  }

  /// One value of a metric.
  package struct Sample {
    package var labels: [(name: String, value: String)]
    package var value: Double

    package init(_ value: Double, labels: [(name: String, value: String)] = []) {
      self.value = value
      self.labels = labels
    }
  }

  /// The text so far.
  package private(set) var text = ""

  package init() {}

  /// Appends a metric with one value and no labels.
  package mutating func add(
    _ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger
  ) {
    add(name, kind, help, [Sample(Double(value))])
  }

  /// Appends a metric.
  package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      text += name
      if !sample.labels.isEmpty {
        let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
        text += "{" + labels.joined(separator: ",") + "}"
      }
      text += " \(Self.number(sample.value))\n"
    }
  }

  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map { String($0) } ?? String(value)
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result
  }
}
