import Foundation
import JWTKit
import MartletConfiguration
import MartletCore
import MartletTestSupport

@testable import MartletAccess

/// Somebody who signs tokens and publishes the keys for them.
struct Issuer {
  let key = ES256PrivateKey()
  let keyID: String

  init(_ keyID: String) {
    self.keyID = keyID
  }

  /// The public key (RFC 7517), with further members.
  func jwk(_ extra: String = "") -> String {
    let x = number { $0.x }
    let y = number { $0.y }
    return #"{"kty":"EC","crv":"P-256","kid":"\#(keyID)","x":"\#(x)","y":"\#(y)"\#(extra)}"#
  }

  private func number(_ part: (ECDSAParameters) -> String) -> String {
    let base64 = key.publicKey.parameters.map(part) ?? ""
    return Example.base64URL(Data(base64Encoded: base64) ?? Data())
  }

  func token(
    _ claims: [String: JSONValue] = [:], keyID: String?
  ) async throws -> String {
    try await TestToken.sign(Example.claims(claims), keyID: keyID) {
      await $0.add(ecdsa: key, kid: keyID.map { JWKIdentifier(string: $0) })
    }
  }

  func token() async throws -> String { try await token(keyID: keyID) }

  static func set(_ keys: String...) -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }
}

/// Access with one set of keys, on a server of the test.
struct KeySetWorld {
  let server: ScriptedHTTPServer
  let access: AccessControl

  static func with(
    _ reply: ScriptedHTTPServer.Reply, demandInterval: Duration = .seconds(600),
    _ change: (inout Configuration.KeySet) -> Void = { _ in },
    _ body: (KeySetWorld) async throws -> Void
  ) async throws {
    try await ScriptedHTTPServer.with(reply) { server in
      let auth = try auth(server.port, change)
      let access = try await AccessControl(
        auth, file: "m.yaml", logger: Example.logger, demandInterval: demandInterval)
      do {
        try await body(KeySetWorld(server: server, access: access))
      } catch {
        await access.shutdown()
        throw error
      }
      await access.shutdown()
    }
  }

  static func auth(
    _ port: Int, _ change: (inout Configuration.KeySet) -> Void = { _ in }
  ) throws -> Configuration.Auth {
    guard let url = HTTPURL("http://127.0.0.1:\(port)/jwks.json") else {
      throw NeverTrue(what: "a URL of the loopback address is one")
    }
    var set = Configuration.KeySet(url: url, algorithms: [.es256])
    change(&set)
    var auth = Configuration.Auth()
    auth.keySets = [set]
    auth.clockSkew = .zero
    return auth
  }

  /// Nil: the token is good.
  func error(_ token: String) async -> TokenError? {
    do {
      _ = try await access.verify(token, now: Example.now)
      return nil
    } catch {
      return error
    }
  }

  var statistics: AccessStatistics.KeySet { access.statistics.keySets[0] }

  /// Starts, and waits for the first keys.
  func start() async throws {
    access.start()
    try await eventually("the keys are here") { access.unreadiness().isEmpty }
  }
}
