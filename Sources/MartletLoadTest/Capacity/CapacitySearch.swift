/// Looks for the largest load that a cluster bears: raises it until a run fails, then halves the distance between the last good
/// and the first bad one. A value; the owner runs what ``next`` says and tells what came of it.
package struct CapacitySearch: Sendable, Equatable {
  /// One run.
  package struct Step: Sendable, Equatable {
    package var load: Double
    package var holds: Bool

    package init(load: Double, holds: Bool) {
      self.load = load
      self.holds = holds
    }
  }

  /// Whether loads are whole numbers.
  private let isWhole: Bool
  private let limit: Double
  private let factor: Double
  /// Of the result.
  private let precision: Double
  package private(set) var steps: [Step] = []
  /// The load of the next run; nil: the search is over.
  package private(set) var next: Double?

  package init(_ settings: MaximumSearch) {
    isWhole = settings.raised == .clients
    limit = settings.to
    factor = settings.factor
    precision = settings.precision
    next = settings.from
  }

  /// The largest load that was borne.
  package var best: Double? { steps.filter(\.holds).map(\.load).max() }

  /// The smallest load that was not.
  package var worst: Double? { steps.filter { !$0.holds }.map(\.load).min() }

  /// The run with the load of ``next`` has ended.
  package mutating func record(holds: Bool) {
    guard let load = next else { return }
    steps.append(Step(load: load, holds: holds))
    next = following.map { isWhole ? $0.rounded(.down) : $0 }
    // Whole numbers run out before the precision is reached.
    if let next, next <= 0 || steps.contains(where: { $0.load == next }) { self.next = nil }
  }

  private var following: Double? {
    switch (best, worst) {
    case (nil, nil): return nil
    case (let best?, nil): return best < limit ? min(best * factor, limit) : nil
    case (nil, let worst?):
      // Not even the first: something much smaller, a few times.
      return steps.count < 5 ? worst / 4 : nil
    case (let best?, let worst?):
      return worst - best > best * precision ? (best + worst) / 2 : nil
    }
  }
}
