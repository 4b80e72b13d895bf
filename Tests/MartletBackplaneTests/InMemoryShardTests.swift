import MartletCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletBackplane

@Suite struct InMemoryShardTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test func `Groups that nobody uses are forgotten, those with a history stay as long as it does`()
  {
    let loop = EmbeddedEventLoop()
    let shard = InMemoryShard(index: 0, eventLoop: loop, idempotencyWindow: .seconds(60))
    for number in 0..<100 {
      _ = shard.recover(
        GroupName(trusted: "idle\(number)"), since: nil, within: RecoveryBudget(publications: 1),
        now: start)
    }
    let kept = GroupName(trusted: "kept")
    let outcome = shard.publish(
      PublishRequest(
        group: kept, event: ByteBuffer(string: "{}"),
        kind: .published(Retention(size: 5, ttl: .seconds(7 * 24 * 3600)))), now: start)
    #expect(shard.groupCount == 101)
    let later = start + InMemoryShard.positionLifetime + .hours(1)
    let recovery = shard.recover(
      kept, since: nil, within: RecoveryBudget(publications: 1), now: later)
    #expect(recovery.position == outcome.position)
    #expect(shard.groupCount == 1)
  }

  @Test func `Idempotency ids are forgotten after their window`() {
    let loop = EmbeddedEventLoop()
    let shard = InMemoryShard(index: 0, eventLoop: loop, idempotencyWindow: .seconds(60))
    func publish(_ now: NIODeadline) -> PublishOutcome {
      shard.publish(Example.request(GroupName(trusted: "g"), 1, id: "x"), now: now)
    }
    #expect(!publish(start).isRepeat)
    #expect(publish(start + .seconds(59)).isRepeat)
    #expect(!publish(start + .seconds(60)).isRepeat)
  }
}
