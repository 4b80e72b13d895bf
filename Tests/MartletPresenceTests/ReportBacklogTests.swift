import MartletRedis
import NIOCore
import Testing

@testable import MartletPresence

@Suite("Report backlog")
struct ReportBacklogTests {
  private func batch(_ shard: Int, bytes: Int) -> ReportBacklog.Batch {
    let text = RedisValue.string(ByteBuffer(repeating: 0, count: bytes))
    return ReportBacklog.Batch(shard: shard, owner: "d 1", entries: [.array([text])])
  }

  @Test("large batches are begun one after the other, in the order of their arrival")
  func large() {
    var backlog = ReportBacklog()
    for shard in 0..<3 { backlog.append(batch(shard, bytes: ReportBacklog.maximumSize)) }
    for shard in 0..<3 {
      let begun = backlog.begin()
      let next = backlog.begin()
      #expect(begun?.shard == shard && next == nil)
      if let begun { backlog.finish(begun) }
    }
    let last = backlog.begin()
    #expect(last == nil)
  }

  @Test("small batches of many shards are under way together")
  func small() {
    var backlog = ReportBacklog()
    for shard in 0..<1_000 { backlog.append(batch(shard, bytes: 100)) }
    let begun = (0..<1_000).map { _ in backlog.begin()?.shard }
    #expect(begun == Array(0..<1_000))
  }
}
