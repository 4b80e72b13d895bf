import MartletBackplane
import MartletCore
import NIOCore
import Synchronization

/// What the members of groups are told, in order.
final class DiffCollector: BackplaneSubscriber {
  private let events = Mutex<[String]>([])

  func received(_ deliveries: [Delivery], shard: Int) {
    events.withLock { events in
      for delivery in deliveries { events.append(String(buffer: delivery.event)) }
    }
  }

  func interrupted(shard: Int) {}

  /// `+USER` and `-USER`.
  var diffs: [String] {
    events.withLock { $0 }.map { event in
      let kind = event.contains(#""type":"user_joined""#) ? "+" : "-"
      let id = event.split(separator: #""id":""#).last?.prefix { $0 != "\"" } ?? "?"
      return kind + id
    }
  }
}
