/// A sample as a line.
enum ProgressLine {
  private static let barWidths = 8...24
  private static let separator = "  "

  /// For a log: everything, no bar.
  static func plain(_ sample: ProgressSample) -> String {
    parts(sample).map(\.text).joined(separator: separator)
  }

  /// For a terminal: a bar, if the end is known, and as many of the parts as fit, the important ones first.
  ///
  /// - Parameter width: of the terminal, in columns.
  static func fitted(_ sample: ProgressSample, width: Int) -> String {
    // The last column stays free: some terminals wrap when it is written.
    let available = max(1, width - 1)
    var parts = parts(sample)
    func text() -> String { parts.map(\.text).joined(separator: separator) }
    while text().count > available, parts.count > 1,
      let least = parts.indices.max(by: { parts[$0].rank < parts[$1].rank })
    {
      parts.remove(at: least)
    }
    let room = available - text().count - separator.count - 2
    guard let bar = bar(sample, width: min(room, barWidths.upperBound)) else {
      return String(text().prefix(available))
    }
    return bar + separator + text()
  }

  private static func bar(_ sample: ProgressSample, width: Int) -> String? {
    guard let planned = sample.plannedSeconds, planned > 0, width >= barWidths.lowerBound else {
      return nil
    }
    let share = min(1, max(0, sample.elapsedSeconds / planned))
    let done = Int(share * Double(width))
    let head = done < width ? ">" : ""
    let rest = String(repeating: " ", count: width - done - head.count)
    return "[" + String(repeating: "=", count: done) + head + rest + "]"
  }

  /// - Returns: in their order on the line; the part with the highest rank is the first to go.
  private static func parts(_ sample: ProgressSample) -> [(text: String, rank: Int)] {
    let seconds = { (value: Double) in NumberText.clock(wholeSeconds: Int(max(0, min(value, 1e9))))
    }
    let time =
      seconds(sample.elapsedSeconds) + (sample.plannedSeconds.map { "/" + seconds($0) } ?? "")
    var parts = [
      (sample.phase, 1), (time, 0),
      ("joined \(NumberText.count(sample.joined))/\(NumberText.count(sample.clients))", 4),
    ]
    // Of ephemeral events, where there are no others.
    let isEphemeral =
      sample.sentPerSecond == 0 && sample.deliveredPerSecond == 0
      && (sample.ephemeralSentPerSecond > 0 || sample.ephemeralReceivedPerSecond > 0)
    let (sent, received) =
      isEphemeral
      ? (sample.ephemeralSentPerSecond, sample.ephemeralReceivedPerSecond)
      : (sample.sentPerSecond, sample.deliveredPerSecond)
    let rate = { (value: Double) in NumberText.decimal(value, places: 0) + "/s" }
    parts.append(((isEphemeral ? "ephemeral sent " : "sent ") + rate(sent), 6))
    parts.append(((isEphemeral ? "received " : "delivered ") + rate(received), 5))
    if let p50 = sample.deliverP50 { parts.append(("p50 \(NumberText.milliseconds(p50)) ms", 7)) }
    if let p99 = sample.deliverP99 { parts.append(("p99 \(NumberText.milliseconds(p99)) ms", 3)) }
    parts.append(("outstanding \(NumberText.count(sample.outstanding))", 8))
    parts.append(("errors \(NumberText.count(sample.errors))", 2))
    return parts.map { (text: $0.0, rank: $0.1) }
  }
}
