import MartletCore
import MartletTestSupport
import Testing

@testable import MartletGateway

@Suite struct PresenceAndDrainTests {
  private func connect(
    _ gateway: TestGateway, as user: String
  ) async throws -> WebSocketTestClient {
    let token = try await TestGateway.token(user, ["name": .string(user)])
    let client = try await WebSocketTestClient.connect(
      port: gateway.port, "/ws/room/7/?token=\(token)")
    _ = try await client.message(ofType: "connection_established")
    return client
  }

  @Test func `A second tab is no join, the first of two closed is no leave`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await connect(gateway, as: "ann")
      let first = try await connect(gateway, as: "bob")
      #expect(try await joined(watcher, "bob"))
      let second = try await connect(gateway, as: "bob")
      await first.abort()
      // Had the tab counted, something about bob would come before this.
      let carol = try await connect(gateway, as: "carol")
      let next = try await watcher.message()
      #expect(next.text("type") == "user_joined" && next.text("user.id") == "carol")
      await second.abort()
      let left = try await watcher.message(ofType: "user_left")
      #expect(left.text("user.id") == "bob")
      await carol.abort()
    }
  }

  private func joined(_ watcher: WebSocketTestClient, _ user: String) async throws -> Bool {
    while try await watcher.message(ofType: "user_joined").text("user.id") != user {}
    return true
  }

  @Test func `Somebody who comes back within the grace was never away`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await connect(gateway, as: "ann")
      let first = try await connect(gateway, as: "bob")
      #expect(try await joined(watcher, "bob"))
      await first.abort()
      let second = try await connect(gateway, as: "bob")
      let carol = try await connect(gateway, as: "carol")
      #expect(try await joined(watcher, "carol"))
      await carol.abort()
      // carol's grace began after bob's would have ended.
      let next = try await watcher.message(ofType: "user_left")
      #expect(next.text("user.id") == "carol")
      await second.abort()
    }
  }

  @Test func `A drained gateway tells its clients to go, and takes no new ones`() async throws {
    let gateway = try await TestGateway.start(limits: "{drain_timeout: 200ms}")
    let clients = [try await gateway.join("7"), try await gateway.join("8")]
    async let drained: Void = gateway.server.drain()
    for client in clients {
      let draining = try await client.message(ofType: "draining")
      #expect((100...2_000).contains(draining.number("reconnect_after") ?? 0))
      #expect(try await client.closeCode() == 1012)
      await client.abort()
    }
    await drained
    await #expect(throws: (any Error).self) { try await gateway.join("7") }
  }
}
