import MartletCore
import MartletTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletRedis

/// How requests find the owner of their slot: the pure parts.
@Suite struct RedisRoutingTests {
  private let server = HostAndPort(host: "10.0.0.1", port: 7000)

  @Test(arguments: [
    (
      "MOVED 3999 10.0.0.2:7001",
      RedisErrorReply.moved(slot: 3999, owner: HostAndPort(host: "10.0.0.2", port: 7001))
    ),
    ("MOVED 1 :7002", .moved(slot: 1, owner: HostAndPort(host: "10.0.0.1", port: 7002))),
    ("MOVED 1 fe80::2:7002", .moved(slot: 1, owner: HostAndPort(host: "fe80::2", port: 7002))),
    ("ASK 3999 10.0.0.2:7001", .ask(HostAndPort(host: "10.0.0.2", port: 7001))),
    ("TRYAGAIN Multiple keys request during rehashing of slot", .later),
    ("CLUSTERDOWN The cluster is down", .later), ("LOADING Redis is loading the dataset", .later),
    ("NOREPLICAS Not enough good replicas to write.", .later),
    ("READONLY You can't write against a read only replica.", .demoted),
    ("ERR Error running script (call to f_a): @user_script:9: -READONLY You can't write", .demoted),
    ("NOSCRIPT No matching script. Please use EVAL.", .unknownScript),
    ("ERR unknown command", .refusal), ("BUSYGROUP name exists", .refusal), ("MOVED", .refusal),
    ("MOVED x y:z", .refusal), ("", .refusal),
  ])
  func `An error reply says what becomes of its command`(
    message: String, meaning: RedisErrorReply
  ) {
    #expect(RedisErrorReply(message, from: server) == meaning)
  }

  @Test func `A topology knows the masters of slots, and follows redirections`() throws {
    func node(_ host: String?, _ port: Int64) -> RedisValue {
      .array([
        host.map { .string(ByteBuffer(string: $0)) } ?? .null, .integer(port),
        .string(ByteBuffer(string: "id")),
      ])
    }
    let reply = RedisValue.array([
      .array([.integer(0), .integer(100), node("a", 1), node("b", 2)]),
      .array([.integer(101), .integer(200), node(nil, 3)]),
      .array([.integer(300), .integer(400), node("?", 4), node("c", 5)]),
    ])
    var topology = try #require(RedisTopology(reply, from: server))
    #expect(topology.owner(of: 0) == HostAndPort(host: "a", port: 1))
    #expect(topology.owner(of: 100) == HostAndPort(host: "a", port: 1))
    // Whoever was asked does not know its own name.
    #expect(topology.owner(of: 150) == HostAndPort(host: server.host, port: 3))
    #expect(topology.owner(of: 250) == nil)
    #expect(topology.nodes.count == 4)
    topology.move(150, to: HostAndPort(host: "d", port: 6))
    #expect(topology.owner(of: 150) == HostAndPort(host: "d", port: 6))
    #expect(topology.owner(of: 151) == HostAndPort(host: server.host, port: 3))
    for bad in [RedisValue.null, .array([.integer(1)]), .array([.array([.integer(1)])])] {
      #expect(RedisTopology(bad, from: server) == nil)
    }
  }

  @Test func `A lane keeps the order of its requests, whatever comes back`() {
    let loop = EmbeddedEventLoop()
    let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var lane = RedisLane()
    func request(_ number: Int, until deadline: NIODeadline? = nil) -> RedisRequest {
      let promise = loop.makePromise(of: RedisValue.self)
      promise.succeed(.null)
      return lane.admit(
        RedisRequest(
          body: .command(["\(number)"]), key: "\(number)", promise: promise,
          deadline: deadline ?? now + .seconds(1)))
    }
    let sent = (1...3).map { request($0) }
    for _ in sent { lane.departs() }
    // 1 comes back; 4 is new; 3 and 2 come back later, from different servers.
    lane.comesBack(sent[0], until: now)
    lane.waits(request(4))
    #expect(!lane.canRelease(now: now))
    lane.comesBack(sent[2], until: now)
    lane.comesBack(sent[1], until: now)
    #expect(lane.canRelease(now: now))
    #expect(lane.release().map(\.key) == ["1", "2", "3", "4"])
    #expect(lane.isIdle)
    // Not before its time, and what waits too long goes.
    lane.departs()
    lane.comesBack(request(5, until: now + .milliseconds(5)), until: now + .milliseconds(20))
    lane.waits(request(6))
    #expect(!lane.canRelease(now: now + .milliseconds(19)))
    #expect(lane.expire(now: now + .milliseconds(10)).map(\.key) == ["5"])
    #expect(lane.canRelease(now: now + .milliseconds(20)))
    #expect(lane.release().map(\.key) == ["6"])
  }

  @Test func `What was put off is tried with the first of its subject`() {
    let loop = EmbeddedEventLoop()
    let now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    let script = RedisScript(name: "none", source: "return 1")
    var lane = RedisLane()
    func request(_ subject: String) -> RedisRequest {
      let promise = loop.makePromise(of: RedisValue.self)
      promise.succeed(.null)
      return lane.admit(
        RedisRequest(
          body: .evaluation(
            RedisEvaluation(script: script, keys: ["stream", subject], arguments: [])),
          key: "stream", promise: promise, deadline: now + .seconds(1)))
    }
    func release() -> [UInt64] {
      #expect(lane.canRelease(now: now))
      let turns = lane.release().map(\.turn)
      for _ in turns { lane.departs() }
      return turns
    }
    let sent = ["a", "a", "b", "a"].map { request($0) }
    for _ in sent { lane.departs() }
    // The server puts 1 off, then executes 2 and 3, then puts 4 off.
    lane.comesBack(sent[0], until: now, isPutOff: true)
    lane.ends(sent[1])
    lane.ends(sent[2])
    lane.comesBack(sent[3], until: now, isPutOff: true)
    let others = [request("b"), request("b")]
    for other in others { lane.waits(other) }
    // Were 4 sent too, it might be executed although 1 is put off again.
    #expect(release() == [1, 5, 6])
    #expect(lane.isHolding)
    lane.waits(request("a"))
    lane.comesBack(sent[0], until: now, isPutOff: true)
    for other in others { lane.ends(other) }
    #expect(release() == [1])
    #expect(!lane.canRelease(now: now))
    // A redirection is no promise.
    lane.comesBack(sent[0], until: now)
    #expect(release() == [1])
    // It gives up: then the next is the first.
    lane.ends(sent[0], isPutOff: true)
    #expect(release() == [4])
    lane.waits(request("a"))
    lane.ends(sent[3])
    #expect(release() == [7, 8])
    #expect(!lane.isHolding)
  }

  @Test func `A server says what it is, or why it will not do`() throws {
    func hello(_ server: String, _ version: String, _ mode: String) -> RedisValue {
      .array(
        ["server", server, "version", version, "mode", mode].map {
          .string(ByteBuffer(string: $0))
        } + [.string(ByteBuffer(string: "id")), .integer(7)])
    }
    let master = RedisValue.string(
      ByteBuffer(string: "# Replication\r\nrole:master\r\nmaster_replid:0123456789abcdef0123\r\n"))
    let replica = RedisValue.string(
      ByteBuffer(string: "role:slave\r\nmaster_host:a\r\nmaster_replid:0123456789abcdef0123\r\n"))
    let identity = try RedisIdentity(
      hello: hello("redis", "6.2.0", "standalone"), replication: master, isCluster: false)
    #expect(identity.incarnation == "0123456789abcdef")
    #expect(RedisIdentity.clientID(hello("redis", "7.0.1", "cluster")) == 7)
    _ = try RedisIdentity(
      hello: hello("valkey", "1.0", "cluster"), replication: master, isCluster: true)
    for (hello, replication, isCluster, word) in [
      (hello("redis", "6.0.16", "standalone"), master, false, "too old"),
      (hello("redis", "7.0.1", "cluster"), master, false, "backplane.redis.cluster"),
      (hello("redis", "7.0.1", "standalone"), master, true, "backplane.redis.servers"),
      (hello("redis", "7.0.1", "standalone"), replica, false, "replica"),
    ] {
      let error = #expect(throws: RedisError.self) {
        try RedisIdentity(hello: hello, replication: replication, isCluster: isCluster)
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(word))
    }
  }

  @Test func `An explanation never holds the password`() {
    let server = RedisServer(host: "h", port: 1, username: "u", password: "hunter2")
    let old = RedisError.refused(
      "ERR unknown command `HELLO`, with args beginning with: `2`, `AUTH`, `u`, `hunter2`, ")
    #expect(RedisIdentity.explain(old, server: server).contains("6.2 or newer"))
    let other = RedisError.refused("WRONGPASS invalid hunter2")
    #expect(!RedisIdentity.explain(other, server: server).contains("hunter2"))
  }
}
