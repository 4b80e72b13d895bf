/// The plots of a report.
struct ReportPlots {
  /// Points of a line: more than the pixels of a screen show.
  private static let longestLine = 500

  private let report: LoadTestReport
  private let intervals: [IntervalRecord]
  private let end: Double
  private let dash: Double

  init(_ report: LoadTestReport) {
    self.report = report
    intervals = IntervalSeries.condensed(report.intervals, to: Self.longestLine)
    end = max(intervals.last?.endSeconds ?? 0, report.phases.map(\.endSeconds).max() ?? 0)
    dash = (intervals.map(\.lengthSeconds).max() ?? 1) / 2
  }

  var html: String {
    var plots: [Plot] = []
    if !intervals.isEmpty { plots += [clients, latencies] + rates }
    if let distribution { plots.append(distribution) }
    return plots.map(\.html).joined()
  }

  // MARK: Over time

  private typealias Rate = (name: String, style: String, count: (IntervalRecord) -> Int)

  /// Deliveries are many for each publication, and errors few: each has a scale of its own.
  private var rates: [Plot] {
    let plots: [(title: String, rates: [Rate])] = [
      (
        "Publications",
        [
          ("acknowledged", "c5", \.acknowledged), ("sent", "c1", \.sent),
          ("ephemeral", "c6", \.ephemeralSent),
        ]
      ),
      (
        "Deliveries",
        [("delivered", "c2", \.delivered), ("ephemeral", "c6", \.ephemeralReceived)]
      ),
      (
        "Errors and lost connections",
        [("errors", "c4", \.errors), ("lost connections", "c3", \.lostConnections)]
      ),
    ]
    return plots.compactMap { title, rates in
      let rates = rates.filter { rate in intervals.contains { rate.count($0) > 0 } }
      return rates.isEmpty ? nil : ratePlot(title, rates)
    }
  }

  private func ratePlot(_ title: String, _ rates: [Rate]) -> Plot {
    let series = rates.map { rate in
      var series = line(rate.name, rate.style) { $0.perSecond(rate.count($0)) }
      series.note = "up to \(NumberText.rate(highest([series]))) per second"
      return series
    }
    return timePlot(title, unit: "per second", y: .amounts(upTo: highest(series)), series)
  }

  private var clients: Plot {
    var series = [gauge("joined", "c3") { Double($0.joined) }]
    if intervals.contains(where: { $0.planned != $0.joined && $0.planned > 0 }) {
      series.insert(gauge("planned", "c6") { Double($0.planned) }, at: 0)
    }
    return timePlot(
      "Clients", unit: "connected", y: .amounts(upTo: highest(series)), series, at: Self.end)
  }

  /// Of what most tests are about; without deliveries, of joins.
  private var latencies: Plot {
    let kind: LatencyKind =
      intervals.contains { $0.latencies.deliver.count > 0 } ? .deliver : .join
    let statistics: [(String, String, (LatencyDistribution) -> Double)] = [
      ("p50", "c1", { $0.percentile(50) }), ("p90", "c3", { $0.percentile(90) }),
      ("p99", "c5", { $0.percentile(99) }), ("max", "c4", { $0.percentile(100) }),
    ]
    let series = statistics.map { name, style, value in
      line(name, style) { $0.latencies[kind].count > 0 ? value($0.latencies[kind]) : nil }
    }
    return timePlot(
      kind == .deliver ? "Delivery latency" : "Join latency", unit: "logarithmic",
      y: latencyAxis(series), series, text: { NumberText.milliseconds($0) + " ms" })
  }

  /// - Parameters:
  ///   - place: of the points of an interval.
  ///   - text: of a value.
  private func timePlot(
    _ title: String, unit: String, y: Axis, _ series: [Plot.Series],
    at place: Place = Self.middle,
    text: (Double) -> String = NumberText.rate
  ) -> Plot {
    Plot(
      title: title, unit: unit, xTitle: Axis.timeTitle(upTo: end), x: .time(upTo: end), y: y,
      series: series,
      bands: report.phases.filter { $0.endSeconds >= $0.beginSeconds }
        .map { Plot.Band(name: $0.name, range: $0.beginSeconds...$0.endSeconds) },
      marks: report.faults.enumerated().map { index, fault in
        Plot.Mark(label: "\(index + 1)", title: ReportText.fault(fault), x: fault.atSeconds)
      }, readings: readings(series, at: place, text), dash: dash)
  }

  private func readings(
    _ series: [Plot.Series], at place: Place, _ text: (Double) -> String
  ) -> [Plot.Reading] {
    let values = series.map { line in
      (
        name: line.name,
        byPlace: Dictionary(line.pieces.joined().map { ($0.x, $0.y) }, uniquingKeysWith: { $1 })
      )
    }
    return intervals.filter { $0.lengthSeconds >= 0 }.map { interval in
      let lines = values.compactMap { line in
        line.byPlace[place(interval)].map { "\(line.name) \(text($0))" }
      }
      let time =
        "\(NumberText.clock(interval.startSeconds)) to \(NumberText.clock(interval.endSeconds))"
      return Plot.Reading(
        range: interval.startSeconds...interval.endSeconds,
        text: ([time] + lines).joined(separator: "\n"))
    }
  }

  private typealias Place = (IntervalRecord) -> Double

  /// Of what happened in an interval.
  private static func middle(_ interval: IntervalRecord) -> Double {
    interval.startSeconds + interval.lengthSeconds / 2
  }

  /// Of what was so at the end of an interval.
  private static func end(_ interval: IntervalRecord) -> Double { interval.endSeconds }

  /// Steps at the ends of intervals: a slope from one to the next would have an effect before its cause.
  private func gauge(
    _ name: String, _ style: String, _ value: (IntervalRecord) -> Double
  ) -> Plot.Series {
    var series = line(name, style, at: Self.end, value)
    series.isStepped = true
    return series
  }

  /// A point for each interval, interrupted where there is no value.
  private func line(
    _ name: String, _ style: String, at place: Place = Self.middle,
    _ value: (IntervalRecord) -> Double?
  ) -> Plot.Series {
    var pieces: [[Plot.Point]] = []
    var isOpen = false
    for interval in intervals {
      guard let y = value(interval) else {
        isOpen = false
        continue
      }
      let point = Plot.Point(x: place(interval), y: y)
      if isOpen { pieces[pieces.count - 1].append(point) } else { pieces.append([point]) }
      isOpen = true
    }
    return Plot.Series(name: name, style: style, pieces: pieces)
  }

  private func highest(_ series: [Plot.Series]) -> Double {
    series.flatMap(\.pieces).joined().map(\.y).max() ?? 0
  }

  private func latencyAxis(_ series: [Plot.Series]) -> Axis {
    let values = series.flatMap(\.pieces).joined().map(\.y).filter { $0 > 0 }
    guard let lowest = values.min(), let highest = values.max() else { return .latencies(1...10) }
    return .latencies(lowest...highest)
  }

  // MARK: By percentile

  private var distribution: Plot? {
    let styles: [LatencyKind: String] = [
      .connect: "c6", .join: "c3", .acknowledge: "c1", .deliver: "c2", .recover: "c5",
      .presence: "c4",
    ]
    let kinds = LatencyKind.allCases.filter { report.histograms[$0].count > 0 }
    guard let count = kinds.map({ report.histograms[$0].count }).max() else { return nil }
    let x = Axis.percentiles(ofCount: count)
    let series = kinds.map { kind in
      let points = Self.points(report.histograms[kind], upTo: x.range.upperBound)
      return Plot.Series(
        name: kind.label, style: styles[kind] ?? "c1", pieces: [points],
        note: "\(NumberText.count(report.histograms[kind].count)) measured")
    }
    return Plot(
      title: "Latency by percentile", unit: "both axes logarithmic",
      xTitle: "share of all that took no longer", x: x, y: latencyAxis(series), series: series)
  }

  private static func points(_ distribution: LatencyDistribution, upTo end: Double) -> [Plot.Point]
  {
    let count = Double(distribution.count)
    var points: [Plot.Point] = []
    var below: UInt64 = 0
    var newest = 0.0
    for bin in distribution.bins {
      // The bin is reached by the percentile that leaves all below it behind.
      let x = min(end, count / (count - Double(below)))
      below += bin.count
      let isLast = below == distribution.count
      let place = LogScale.log10(x)
      // Three hundred points for each line are more than it shows.
      guard points.isEmpty || isLast || place - newest > 0.02 else { continue }
      newest = place
      points.append(.init(x: x, y: LatencyDistribution.highestMilliseconds(of: bin)))
    }
    if let last = points.last { points.append(.init(x: min(end, count), y: last.y)) }
    return points
  }
}
