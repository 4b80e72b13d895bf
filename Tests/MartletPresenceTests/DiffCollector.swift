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

  /// `+USER`, `-USER`, `~USER` for other metas, `USER=STATUS`, and `#COUNT` where names are left out.
  var diffs: [String] {
    events.withLock { $0 }.map { event in
      func field(_ name: String) -> String {
        let parts = event.split(separator: "\"\(name)\":", maxSplits: 1)
        return String((parts.last ?? "?").drop { $0 == "\"" }.prefix { !"\",}".contains($0) })
      }
      let user = field("id")
      return switch field("type") {
      case "user_joined": "+" + user
      case "user_left": "-" + user
      case "presence_updated" where event.contains(#""status""#): user + "=" + field("status")
      case "presence_updated": "~" + user
      case "presence_state": "#" + field("count")
      case let type: type
      }
    }
  }
}
