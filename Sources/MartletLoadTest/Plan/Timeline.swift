/// When phases began, and so when clients arrived and what was due when. Times are nanoseconds since the run began.
///
/// The same on every loop and in every process of a run: whoever knows it can tell whose publication was due when.
struct Timeline: Sendable, Equatable {
  private(set) var begins: [UInt64] = []
  private(set) var pace = Pace()

  /// The next phase begins.
  mutating func begin(_ phase: Phase, at time: UInt64) {
    begins.append(time)
    pace.change(to: phase.pace, at: time)
  }

  /// From `time` on nothing becomes due.
  mutating func stop(at time: UInt64) {
    pace.change(to: 0, at: time)
  }

  /// When a client arrived, or will; nil if its phase has not begun.
  func arrival(of client: Int, _ plan: Plan) -> UInt64? {
    // Arrivals of later phases have higher numbers.
    guard let phase = plan.turnouts.firstIndex(where: { $0.arrivals.contains(client) }),
      phase < begins.count
    else { return nil }
    let arrivals = plan.turnouts[phase].arrivals
    let index = client - arrivals.lowerBound
    return begins[phase]
      + plan.moment(of: index, among: arrivals.count, in: plan.scenario.phases[phase])
  }

  /// A client's publications; nil if it has none, or has not arrived.
  func timetable(of client: Int, _ plan: Plan) -> Timetable? {
    arrival(of: client, plan).flatMap { plan.timetable(of: client, origin: pace.work(at: $0)) }
  }
}
