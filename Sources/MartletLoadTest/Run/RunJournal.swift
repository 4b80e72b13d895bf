internal import MartletCore
internal import NIOConcurrencyHelpers

/// Notes what happens when, for the report and for whoever watches. Any task.
final class RunJournal: Sendable {
  private struct State {
    var recorder = IntervalRecorder()
    /// When the next interval ends, in nanoseconds since the run began.
    var next: UInt64
    var phases: [PhaseRecord] = []
    /// When each fault was inflicted, in nanoseconds since the run began, and how it went.
    var faults: [Int: (time: UInt64, result: String?)] = [:]
    /// When publications began to become due, and ceased.
    var publishing: (begin: UInt64?, end: UInt64?) = (nil, nil)
  }

  let start: RunStart
  private let interval: UInt64
  private let plannedSeconds: Double
  private let observe: @Sendable (LoadTest.Observation) -> Void
  private let state: NIOLockedValueBox<State>

  init(
    _ scenario: Scenario, _ plan: Plan, start: RunStart,
    observe: @escaping @Sendable (LoadTest.Observation) -> Void
  ) {
    self.start = start
    self.observe = observe
    interval = max(1_000_000, scenario.interval.nanoseconds)
    plannedSeconds = scenario.phases.reduce(0) {
      $0 + Self.seconds(($1.ramp + $1.hold).nanoseconds)
    }
    state = NIOLockedValueBox(State(next: interval))
  }

  private static func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }

  // MARK: Events

  func began(_ phase: Phase, at time: UInt64, clients: Int) {
    state.withLockedValue { state in
      Self.closePhase(&state, at: time)
      state.phases.append(
        PhaseRecord(
          name: phase.name, beginSeconds: Self.seconds(time), endSeconds: Self.seconds(time),
          clients: clients))
      if phase.pace > 0, state.publishing.begin == nil { state.publishing.begin = time }
    }
  }

  func stopped(at time: UInt64) {
    state.withLockedValue { state in
      Self.closePhase(&state, at: time)
      state.publishing.end = time
    }
  }

  private static func closePhase(_ state: inout State, at time: UInt64) {
    guard !state.phases.isEmpty else { return }
    state.phases[state.phases.count - 1].endSeconds = seconds(time)
  }

  /// - Parameter fault: its number in the scenario.
  func inflicted(_ fault: Int, at time: UInt64, _ result: String?) {
    state.withLockedValue { $0.faults[fault] = (time, result) }
  }

  // MARK: Looking

  /// Looks at the crew if an interval has passed.
  func look(at crew: any Crew, phase: String) async throws {
    guard isDue else { return }
    _ = try await status(of: crew, phase: phase)
  }

  func status(of crew: any Crew, phase: String) async throws -> CrewStatus {
    let status = try await crew.status()
    if isDue { take(status, phase: phase) }
    return status
  }

  private var isDue: Bool {
    let now = start.elapsed
    return state.withLockedValue { $0.next <= now }
  }

  private func take(_ status: CrewStatus, phase: String) {
    let now = start.elapsed
    let record = state.withLockedValue { state in
      state.next = (now / interval + 1) * interval
      return state.recorder.update(
        status.totals, atSeconds: Self.seconds(now), phase: phase)
    }
    guard let record else { return }
    observe(
      LoadTest.Observation(
        sample: ProgressSample(
          record, plannedSeconds: plannedSeconds, errors: status.totals.counters.errorCount),
        totals: status.totals, interval: record))
  }

  // MARK: Results

  var phases: [PhaseRecord] { state.withLockedValue { $0.phases } }

  /// By time; faults that the run did not live to see included.
  func faults(of scenario: Scenario) -> [FaultRecord] {
    let inflicted = state.withLockedValue { $0.faults }
    return scenario.faults.enumerated().map { index, fault in
      FaultRecord(
        atSeconds: Self.seconds(inflicted[index]?.time ?? fault.at.nanoseconds),
        action: fault.action.text, result: inflicted[index]?.result)
    }.sorted { $0.atSeconds < $1.atSeconds }
  }

  var intervals: [IntervalRecord] { state.withLockedValue { $0.recorder.records } }

  /// How long publications became due.
  var publishingSeconds: Double {
    state.withLockedValue { state in
      guard let begin = state.publishing.begin, let end = state.publishing.end, end > begin
      else { return 0 }
      return Self.seconds(end - begin)
    }
  }

  /// Since publications began to become due, or the run began.
  var runSeconds: Double {
    let begin = state.withLockedValue { $0.publishing.begin } ?? 0
    let now = start.elapsed
    return now > begin ? Self.seconds(now - begin) : 0
  }
}

extension Fault.Action {
  /// For the report.
  var text: String {
    switch self {
    case .drop(let share): "drop \(NumberText.percent(share))"
    case .stall(let share, let duration):
      "stall \(NumberText.percent(share)) for \(DurationText.format(duration))"
    case .run(let command): "run \(command)"
    }
  }
}
