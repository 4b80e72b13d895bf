import MartletTestSupport
import Synchronization

/// Honest clients in a group of their own, one of which publishes without a pause.
final class HonestCrowd: Sendable {
  let publisher: HonestMember
  let members: [HonestMember]

  private init(_ publisher: HonestMember, _ members: [HonestMember]) {
    self.publisher = publisher
    self.members = members
  }

  static func join(
    port: Int, tls: RawConnection.TLS?, _ target: String
  ) async throws -> HonestCrowd {
    var members: [HonestMember] = []
    for kind in [HonestMember.Kind.webSocket, .webSocket, .webSocket, .eventStream] {
      members.append(try await .join(kind, port: port, tls: tls, target))
    }
    return HonestCrowd(members[0], members)
  }

  /// Publishes one event after the other, until the task is cancelled.
  func publish() async {
    var number = 1
    while !Task.isCancelled {
      publisher.publish(number)
      try? await eventually("an honest event is acknowledged") {
        publisher.acknowledged == number || Task.isCancelled
      }
      number += 1
    }
  }

  /// Throws if somebody got less, more or something else than was published.
  func verify() async throws {
    let acknowledged = publisher.offset
    try await eventually("the publisher goes on") { publisher.offset > acknowledged }
    let last = publisher.offset
    try await eventually("every honest client has publication \(last)") {
      for member in members {
        if let problem = member.problems.first { throw NeverTrue(what: "all is well: \(problem)") }
      }
      return members.allSatisfy { $0.offset >= last }
    }
  }

  func leave() async {
    for member in members { await member.leave() }
  }
}
