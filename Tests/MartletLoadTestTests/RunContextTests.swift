import MartletConfiguration
import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct RunContextTests {
  private func context(_ change: (inout Behaviour) -> Void) throws -> RunContext {
    var scenario = try Fixtures.scenario()
    change(&scenario.behaviours[0])
    return RunContext(
      plan: Plan(scenario), run: .example,
      addresses: [try SocketAddress(ipAddress: "127.0.0.1", port: 1)],
      localAddresses: try ["127.0.0.1", "127.0.0.2"].map {
        try SocketAddress(ipAddress: $0, port: 0)
      }, security: nil, tokens: try scenario.behaviours.map { try TokenIssuer($0.token) },
      start: 0, wallClockStart: 1_700_000_000)
  }

  @Test func `A dial names the group and the client, and takes local addresses by turns`() throws {
    let context = try context {
      $0.path = "/ws/{group}/?name=c{client}&s={started}"
      $0.isCompressed = true
    }
    let dial = context.dial(
      client: 3, target: 0, position: Position(epoch: "e", offset: 4), started: 55)
    #expect(dial.path == "/ws/1/?name=c3&s=started-00000000-55")
    #expect(dial.position == Position(epoch: "e", offset: 4) && dial.isCompressed)
    #expect(dial.localAddress?.ipAddress == "127.0.0.2" && dial.token == nil)
  }

  @Test func `A signed token has the client's claims, and is valid for its lifetime`() throws {
    let secret = "a secret of at least 32 bytes, for tests"
    let context = try context {
      $0.token = .signed(
        algorithm: .hs256, secret: secret, claims: #"{"sub":"user-{client}","room":"{group}"}"#,
        lifetime: .seconds(60))
    }
    let token = try #require(
      context.dial(client: 3, target: 0, position: nil, started: 5_000_000_000).token)
    let parts = token.split(separator: ".").map(String.init)
    #expect(parts.count == 3)
    #expect(
      Base64URL.text(parts[1])
        == #"{"sub":"user-3","room":"1","iat":1700000005,"exp":1700000065}"#)
    #expect(Base64URL.text(parts[0]) == #"{"alg":"HS256","typ":"JWT"}"#)
  }
}
