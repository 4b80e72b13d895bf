internal import MartletBackplane
internal import MartletCore
internal import NIOCore

/// A group's deliveries of one batch, on their way to an event loop.
struct GroupBatch: Sendable {
  var group: GroupName
  var deliveries: [Delivery]
}

/// Parts the backplane's batches by event loop: each crosses to a loop at most once, and only with
/// the groups that have members there.
final class GroupDispatcher: BackplaneSubscriber {
  /// The receiving end on an event loop.
  struct Destination: Sendable {
    var eventLoop: any EventLoop
    var received: @Sendable ([GroupBatch]) -> Void
    var interrupted: @Sendable (_ shard: Int) -> Void
  }

  private let backplane: any Backplane
  private let destinations: [Destination]
  private let interests: [NIOLoopBoundBox<ShardInterest>]

  init(backplane: any Backplane, destinations: [Destination]) {
    self.backplane = backplane
    self.destinations = destinations
    self.interests = (0..<backplane.shards.count).map { shard in
      NIOLoopBoundBox.makeBoxSendingValue(
        ShardInterest(), eventLoop: backplane.eventLoop(ofShard: shard))
    }
  }

  /// From when the future completes, `destination` receives everything that the backplane takes for `group`.
  func add(_ group: GroupName, destination: Int) -> EventLoopFuture<Void> {
    let interest = interests[backplane.shards.shard(of: group)]
    return interest.eventLoop.submit {
      interest.value.add(group, destination)
    }.hop(to: destinations[destination].eventLoop)
  }

  func remove(_ group: GroupName, destination: Int) {
    let interest = interests[backplane.shards.shard(of: group)]
    interest.eventLoop.execute { interest.value.remove(group, destination) }
  }

  // MARK: BackplaneSubscriber

  func received(_ deliveries: [Delivery], shard: Int) {
    let parts = interests[shard].value.part(deliveries, destinations: destinations.count)
    for (destination, batches) in zip(destinations, parts) where !batches.isEmpty {
      destination.eventLoop.execute { destination.received(batches) }
    }
  }

  func interrupted(shard: Int) {
    for destination in destinations {
      destination.eventLoop.execute { destination.interrupted(shard) }
    }
  }
}

/// Which event loops have members of which groups of a shard. Confined to the shard's loop.
final class ShardInterest {
  private final class Interest {
    var destinations: [Int] = []
    var pending: [Delivery] = []
  }

  private var groups: [GroupName: Interest] = [:]

  func add(_ group: GroupName, _ destination: Int) {
    let interest = groups[group] ?? Interest()
    if !interest.destinations.contains(destination) { interest.destinations.append(destination) }
    groups[group] = interest
  }

  func remove(_ group: GroupName, _ destination: Int) {
    guard let interest = groups[group] else { return }
    interest.destinations.removeAll { $0 == destination }
    if interest.destinations.isEmpty { groups[group] = nil }
  }

  /// The batches for each destination; deliveries that nobody here wants cost one look-up.
  func part(_ deliveries: [Delivery], destinations: Int) -> [[GroupBatch]] {
    var touched: [(GroupName, Interest)] = []
    for delivery in deliveries {
      guard let interest = groups[delivery.group] else { continue }
      if interest.pending.isEmpty { touched.append((delivery.group, interest)) }
      interest.pending.append(delivery)
    }
    var parts = [[GroupBatch]](repeating: [], count: destinations)
    for (group, interest) in touched {
      let batch = GroupBatch(group: group, deliveries: interest.pending)
      interest.pending.removeAll()
      for destination in interest.destinations { parts[destination].append(batch) }
    }
    return parts
  }
}
