import MartletTestSupport
import Testing

@Suite struct RedisClusterViewTests {
  private let view = RedisClusterView(
    nodes: """
      a 127.0.0.1:1@10001 myself,master - 0 0 1 connected 0-99 200 [300->-b]
      b 127.0.0.1:2@10002,name master,fail? - 5 6 2 disconnected 100-199 50
      c 127.0.0.1:3@10003 slave a 5 6 1 connected
      d 127.0.0.1:4@10004 master,fail - 5 6 4 connected

      """, info: "cluster_state:ok\r\ncluster_slots_assigned:200\r\n")

  @Test func `Roles, slots and suspicions are read`() {
    #expect(view.isOK)
    #expect(view.entries.map(\.id) == ["a", "b", "c", "d"])
    #expect(view.entries.map(\.isMaster) == [true, true, false, true])
    #expect(view.entries.map(\.isHealthy) == [true, false, true, false])
    #expect(view.entries.map(\.hasFailed) == [false, false, false, true])
    #expect(view.entry("c")?.masterID == "a")
    #expect(view.entry("a")?.slots == [0...99, 200...200])
  }

  @Test func `The newest of two claims to a slot counts`() {
    #expect(view.master(ofSlot: 50)?.id == "b")
    #expect(view.master(ofSlot: 51)?.id == "a")
    #expect(view.master(ofSlot: 300) == nil)
  }

  @Test func `A cluster that does not serve is not OK`() {
    #expect(!RedisClusterView(nodes: "", info: "cluster_state:fail\r\n").isOK)
  }
}
