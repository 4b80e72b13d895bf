import Logging
import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletRedis

@Suite struct RedisClientTests {
  private let script = RedisScript(
    name: "append", source: "return redis.call('RPUSH', KEYS[1], ARGV[1])")

  private final class Events: Sendable {
    let connects = Atomic<Int>(0)
    let disconnects = Atomic<Int>(0)
  }

  private func client(
    _ server: RedisServer, replyTimeout: TimeAmount = .seconds(5), patience: TimeAmount = .zero,
    replicaTimeout: TimeAmount? = nil, events: Events = Events()
  ) -> RedisClient {
    var configuration = RedisClient.Configuration(
      site: .server(server), name: "test", replyTimeout: replyTimeout)
    configuration.patience = patience
    configuration.replicaTimeout = replicaTimeout
    let client = RedisClient(
      configuration, on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      onConnect: { events.connects.add(1, ordering: .relaxed) },
      onDisconnect: { events.disconnects.add(1, ordering: .relaxed) })
    client.start()
    return client
  }

  private func ready(_ client: RedisClient) async throws {
    try await eventually("the client is connected") {
      (try? await client.send(["PING"], key: "k").get()) != nil
    }
  }

  @Test func `Replies belong to their commands, in order`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server)
    try await ready(client)
    let futures = (0..<2_000).map { client.send(["ECHO", .number($0)], key: "k") }
    for (number, future) in futures.enumerated() {
      #expect(try await future.get().number == Int64(number))
    }
    try await client.stop().get()
  }

  @Test func `An error reply fails its command only`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server)
    try await ready(client)
    let bad = client.send(["NOSUCH"], key: "k")
    let good = client.send(["PING"], key: "k")
    let error = await #expect(throws: RedisError.self) { try await bad.get() }
    #expect("\(error.map { "\($0)" } ?? "")".contains("unknown command"))
    #expect(try await good.get().text == "PONG")
    try await client.stop().get()
  }

  @Test func `A client signs in, selects its database and names itself`() async throws {
    let redis = try await RedisServerProcess.start(password: "secret")
    var server = redis.server
    server.database = 3
    let client = client(server)
    try await ready(client)
    let info = try await client.send(["CLIENT", "INFO"], key: "k").get().text ?? ""
    #expect(info.contains("db=3") && info.contains("name=test"))
    server.password = "wrong"
    let stranger = self.client(server)
    try await Task.sleep(for: .milliseconds(100))
    await #expect(throws: RedisError.self) { try await stranger.send(["PING"], key: "k").get() }
    try await client.stop().get()
    try await stranger.stop().get()
  }

  @Test func `A killed Redis fails what waits, and the client comes back with it`() async throws {
    let redis = try await RedisServerProcess.start()
    let events = Events()
    let client = client(redis.server, events: events)
    try await ready(client)
    let waiting = client.send(["BLPOP", "nothing", "0"], key: "k")
    // The command must have left before the kill.
    _ = try await RedisTestConnection.blockedClients(redis.server)
    redis.kill()
    await #expect(throws: RedisError.connectionLost) { try await waiting.get() }
    await #expect(throws: RedisError.self) { try await client.send(["PING"], key: "k").get() }
    let again = try await RedisServerProcess.start(port: redis.server.port)
    try await ready(client)
    #expect(events.connects.load(ordering: .relaxed) == 2)
    #expect(events.disconnects.load(ordering: .relaxed) == 1)
    // Scripts are loaded anew.
    let reply = try await client.evaluate(script, keys: ["l"], arguments: ["a"]).get()
    #expect(reply == .integer(1))
    try await client.stop().get()
    again.kill()
  }

  @Test func `What waits to be sent again outlives the connection`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server, replyTimeout: .seconds(30), patience: .seconds(20))
    try await ready(client)
    // Nothing is written until Redis starts again, without this.
    try await redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    let waiting = client.send(["SET", "k", "1"], key: "k")
    #expect(try await client.send(["GET", "k"], key: "k").get() == .null)
    // While this is in flight, the other is not sent again.
    let inFlight = client.send(["WAIT", "1", "0"], key: "w")
    try await RedisTestConnection.blockedClients(redis.server)
    // Longer than the client waits before it sends something again.
    try await redis.command("WAIT", "1", "100")
    redis.kill()
    await #expect(throws: RedisError.connectionLost) { try await inFlight.get() }
    try await redis.restart()
    #expect(try await waiting.get().text == "OK")
    try await client.stop().get()
  }

  @Test func `What was put off fails when the client stops`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server, patience: .seconds(60))
    try await ready(client)
    try await redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    let waiting = (0..<3).map { client.send(["SET", "k", .number($0)], key: "k") }
    try await eventually("they have been put off again and again") {
      let count = try await redis.info("errorstats")["errorstat_NOREPLICAS"]
      return count?.split(separator: "=").last.flatMap { Int($0) } ?? 0 > 10
    }
    try await client.stop().get()
    for future in waiting { await #expect(throws: RedisError.self) { try await future.get() } }
  }

  @Test func `A frozen Redis is given up, not waited for`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server, replyTimeout: .milliseconds(200))
    try await ready(client)
    redis.freeze()
    await #expect(throws: RedisError.connectionLost) {
      try await client.send(["PING"], key: "k").get()
    }
    redis.thaw()
    try await ready(client)
    try await client.stop().get()
  }

  @Test func `What waits for a replica is confirmed together, and is bounded`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server, replicaTimeout: .milliseconds(200))
    try await eventually("the client is connected") { try await client.unreadiness().get().isEmpty }
    func outcomes(_ values: [RedisCommand.Argument]) async throws -> [RedisError?] {
      let futures = try await client.eventLoop.submit {
        values.map { client.send(["SET", "k", $0], key: "k") }
      }.get()
      var errors: [RedisError?] = []
      for future in futures {
        do throws(any Error) {
          _ = try await future.get()
          errors.append(nil)
        } catch {
          errors.append(error as? RedisError)
        }
      }
      return errors
    }
    let many = try await outcomes((0..<3_000).map { .number($0) })
    #expect(many.allSatisfy { $0 == .notReplicated })
    #expect(try await redis.info("commandstats")["cmdstat_wait"]?.hasPrefix("calls=1,") == true)
    let large = ByteBuffer(repeating: 0x20, count: 1 << 20)
    let heavy = try await outcomes((0..<40).map { _ in .bytes(large) })
    #expect(heavy.count { $0 == .overloaded } == 8)
    try await client.stop().get()
  }

  @Test func `Scripts keep their order through flushes of the script cache`() async throws {
    let redis = try await RedisServerProcess.start()
    let client = client(redis.server, replyTimeout: .seconds(60), patience: .seconds(60))
    try await ready(client)
    var futures: [EventLoopFuture<RedisValue>] = []
    for number in 0..<3_000 {
      if number % 100 == 50 { futures.append(client.send(["SCRIPT", "FLUSH"], key: "k")) }
      futures.append(
        client.evaluate(script, keys: ["l"], arguments: [.number(Int64(number))]))
      if number % 37 == 0 { _ = try await futures[futures.count - 1].get() }
    }
    for future in futures { _ = try await future.get() }
    let list = try await client.send(["LRANGE", "l", "0", "-1"], key: "k").get().elements ?? []
    #expect(list.compactMap(\.number) == (0..<3_000).map { Int64($0) })
    try await client.stop().get()
  }
}

/// Looks at a Redis from outside.
enum RedisTestConnection {
  /// Waits until a client of `server` is blocked.
  static func blockedClients(_ server: RedisServer) async throws {
    let observer = RedisClient(
      RedisClient.Configuration(
        site: .server(server), name: "observer", replyTimeout: .seconds(5)),
      on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    observer.start()
    try await eventually("a client is blocked") {
      let info = try? await observer.send(["INFO", "clients"], key: "k").get().text
      return info?.contains("blocked_clients:1") == true
    }
    try await observer.stop().get()
  }
}
