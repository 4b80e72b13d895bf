import MartletCore
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MartletRedis

/// How one connection comes to be and ends.
@Suite struct RedisConnectionTests {
  /// Knows one host, with several addresses.
  private struct FixedResolver: Resolver {
    var addresses: [SocketAddress]
    var eventLoop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      eventLoop.makeSucceededFuture(addresses)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      eventLoop.makeSucceededFuture([])
    }

    func cancelQueries() {}
  }

  private final class Closes: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test func `A host with several addresses is reached at the one that answers`() async throws {
    let redis = try await RedisServerProcess.start()
    let server = redis.server
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    // Nobody listens at the first.
    let addresses = try ["127.0.0.2", "127.0.0.1"].map {
      try SocketAddress(ipAddress: $0, port: server.port)
    }
    let resolver = FixedResolver(addresses: addresses, eventLoop: loop)
    let closes = Closes()
    let connection = try await loop.submit {
      let connection = RedisConnection(replyTimeout: .seconds(5))
      connection.onClose = { closes.count.add(1, ordering: .relaxed) }
      return NIOLoopBound(connection, eventLoop: loop)
    }.get()
    try await loop.flatSubmit {
      connection.value.open(to: server, tls: nil, on: loop, resolver: resolver)
    }.get()
    try #require(closes.count.load(ordering: .relaxed) == 0)
    let waiting = loop.flatSubmit {
      connection.value.reply(to: ["BLPOP", "nothing", "0"], on: loop)
    }
    try await RedisTestConnection.blockedClients(server)
    redis.kill()
    await #expect(throws: RedisError.connectionLost) { try await waiting.get() }
    try await eventually("the end is told") { closes.count.load(ordering: .relaxed) == 1 }
  }

  @Test func `A connection that is closed before it is open does not open`() async throws {
    let redis = try await RedisServerProcess.start()
    let server = redis.server
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    await #expect(throws: RedisError.connectionLost) {
      try await loop.flatSubmit {
        let connection = RedisConnection(replyTimeout: .seconds(5))
        let opened = connection.open(to: server, tls: nil, on: loop)
        connection.close()
        return opened
      }.get()
    }
    withExtendedLifetime(redis) {}
  }
}
