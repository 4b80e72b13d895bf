/// Maps time to *work* and back: a phase's pace is how much work a nanosecond brings.
///
/// Publications have places on the axis of work (``Timetable``), which is the same however long a phase has to wait for
/// something. Times are nanoseconds since the run began; both grow from 0.
struct Pace: Sendable, Equatable {
  private struct Stretch: Equatable {
    var time: UInt64
    var work: Double
    var pace: Double
  }

  private var stretches: [Stretch] = []

  /// From `time` on work comes at another pace, whatever was said of later times.
  mutating func change(to pace: Double, at time: UInt64) {
    while let last = stretches.last, last.time > time { stretches.removeLast() }
    stretches.append(Stretch(time: time, work: work(at: time), pace: pace))
  }

  /// What has come by `time`.
  func work(at time: UInt64) -> Double {
    guard let stretch = stretches.last(where: { $0.time <= time }) else { return 0 }
    return stretch.work + Double(time - stretch.time) * stretch.pace
  }

  /// When `work` has come; nil if it never does at the present pace. What comes at the very end of a stretch belongs to the next one
  /// that brings any.
  func time(of work: Double) -> UInt64? {
    for (index, stretch) in stretches.enumerated() {
      let next = index + 1 < stretches.count ? stretches[index + 1].work : .infinity
      guard stretch.pace > 0, work < next else { continue }
      if stretch.work >= work { return stretch.time }
      return stretch.time + UInt64(((work - stretch.work) / stretch.pace).rounded(.up))
    }
    return nil
  }
}
