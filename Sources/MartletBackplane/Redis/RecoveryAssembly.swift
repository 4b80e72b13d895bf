internal import MartletCore
internal import NIOCore

/// Puts the pages of a recovery together, and makes sure that nothing is missing between them. A value.
struct RecoveryAssembly {
  enum Step: Equatable {
    /// Ask for so many more, beginning with this offset.
    case next(offset: UInt64, count: Int)
    case complete([Delivery])
    /// It is not available as a whole, or is more than the budget.
    case incomplete
  }

  /// The most entries of a page, and what a page should weigh.
  private static let maximumPage = 256
  private static let pageBytes = 1 << 20
  /// The most entries of the first page, when it is not known yet what they weigh.
  static let firstPage = 64

  private let end: Position
  private let budget: RecoveryBudget
  private var last: Position
  private var missed: [Delivery] = []
  private var bytes = 0

  /// - Parameters:
  ///   - start: after which the missed publications begin.
  ///   - end: the group's position; publications after it are of no concern.
  init(from start: Position, to end: Position, within budget: RecoveryBudget) {
    self.last = start
    self.end = end
    self.budget = budget
  }

  /// Takes the next page.
  mutating func add(_ page: [Delivery]) -> Step {
    for delivery in page where last.offset < end.offset {
      guard delivery.follows(last), let position = delivery.position else { return .incomplete }
      last = position
      bytes += delivery.event.readableBytes
      missed.append(delivery)
    }
    guard bytes <= budget.bytes, missed.count <= budget.publications else { return .incomplete }
    if last.offset == end.offset {
      // The end may be of an epoch that began without a publication here.
      return last.epoch == end.epoch || missed.isEmpty ? .complete(missed) : .incomplete
    }
    guard !page.isEmpty, last.offset < end.offset else { return .incomplete }
    let average = max(bytes / max(missed.count, 1), 1)
    let count = min(
      Int(end.offset - last.offset), Self.maximumPage, max(Self.pageBytes / average, 1))
    return .next(offset: last.offset + 1, count: count)
  }
}
