import Logging
import MartletCore
import MartletTLS
import MartletTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import MartletRedis

/// `rediss://`: a real Redis that speaks TLS only, and asks for a certificate.
@Suite struct RedisTLSTests {
  /// Runs `body` with a Redis and a client of it that is not started yet.
  private func withRedis(
    trusting authority: KeyPath<TestCertificates, String>,
    showing identity: KeyPath<TestCertificates, TestCertificates.Identity>? = nil,
    _ body: (RedisClient) async throws -> Void
  ) async throws {
    let certificates = try await TestCertificates.make()
    let port = try await FreePort.find()
    let redis = try await RedisServerProcess.start(
      port: port,
      arguments: [
        "--port", "0", "--tls-port", "\(port)", "--tls-cert-file",
        certificates.server.certificateFile, "--tls-key-file", certificates.server.privateKeyFile,
        "--tls-ca-cert-file", certificates.authorityFile, "--requirepass", "secret",
      ])
    let server = try #require(RedisServer(url: "rediss://:secret@localhost:\(port)"))
    var configuration = RedisClient.Configuration(
      site: .server(server), name: "test", replyTimeout: .seconds(5))
    let shown = identity.map { certificates[keyPath: $0] }
    configuration.tls = try TLSContext.client(
      TLSClientConfiguration(
        certificateAuthorityFile: certificates[keyPath: authority],
        certificateFile: shown?.certificateFile, privateKeyFile: shown?.privateKeyFile))
    configuration.onRing = { _ in }
    let client = RedisClient(
      configuration, on: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    client.start()
    try await body(client)
    try await client.stop().get()
    redis.kill()
  }

  @Test func `Commands, large and small, go over TLS`() async throws {
    try await withRedis(trusting: \.authorityFile, showing: \.client) { client in
      try await eventually("the client is connected") {
        try await client.unreadiness().get().isEmpty
      }
      let large = ByteBuffer(repeating: 0x61, count: 3_000_000)
      _ = try await client.send(["SET", "k", .bytes(large)], key: "k").get()
      #expect(try await client.send(["GET", "k"], key: "k").get().bytes == large)
      let futures = (0..<500).map { client.send(["ECHO", .number($0)], key: "k") }
      for (number, future) in futures.enumerated() {
        #expect(try await future.get().number == Int64(number))
      }
    }
  }

  @Test func `A server that nobody vouches for is not spoken to, and the reason is told`()
    async throws
  {
    try await withRedis(trusting: \.otherAuthorityFile) { client in
      try await eventually("the reason is told") {
        try await client.unreadiness().get().first?.contains("certificate") == true
      }
      await #expect(throws: RedisError.self) {
        try await client.send(["PING"], key: "k").get()
      }
    }
  }

  @Test func `A client without the certificate that the server wants is told so`() async throws {
    try await withRedis(trusting: \.authorityFile) { client in
      try await eventually("the reason is told") {
        try await client.unreadiness().get().first?.contains("certificate") == true
      }
    }
  }
}
