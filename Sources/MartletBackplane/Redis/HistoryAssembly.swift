internal import MartletCore
internal import NIOCore

/// Puts a page of history together from smaller ones, newest first, so that large events do not come in one reply. A value.
struct HistoryAssembly {
  /// The most entries of one reply, and when a page is large enough.
  private static let maximumCount = 128
  private static let enoughBytes = 1 << 20

  private let limit: Int
  private var newestFirst: [Delivery] = []
  private var bytes = 0
  private var hasOlder = false

  init(limit: Int) {
    self.limit = limit
  }

  /// How many to ask for: one more than wanted tells whether there is an older page.
  var nextCount: Int { min(limit + 1 - newestFirst.count, Self.maximumCount) }

  /// Takes a reply, newest first.
  ///
  /// - Returns: below which offset to ask on; nil if the page is complete.
  mutating func add(_ reply: [Delivery], asked count: Int) -> UInt64? {
    for delivery in reply {
      guard newestFirst.count < limit, newestFirst.isEmpty || bytes < Self.enoughBytes else {
        hasOlder = true
        return nil
      }
      bytes += delivery.event.readableBytes
      newestFirst.append(delivery)
    }
    return reply.count < count ? nil : newestFirst.last?.position?.offset
  }

  func page(epoch: Epoch) -> HistoryPage {
    HistoryPage(
      epoch: epoch, publications: newestFirst.reversed(),
      nextBefore: hasOlder ? newestFirst.last?.position?.offset : nil)
  }
}
