import Foundation
import MartletTestSupport

/// How a gateway under attack is configured, with the files that it needs; they are removed with their owner.
final class Setting: Sendable {
  static let secret = "a-secret-of-more-than-thirty-two-bytes"
  static let apiKey = "an-api-key-for-tests"
  /// Of the tenant acme only.
  static let tenantKey = "an-api-key-of-acme-for-tests"

  /// The configuration.
  let file: String
  /// Of the authority of the gateway's certificate; nil: it speaks plain text.
  let authorityFile: String?
  /// Of the RSA key with which tokens may be signed.
  let publicKeyFile: String
  /// Where honest clients go.
  let honestTarget: String
  private let folder: URL
  private let certificates: TestCertificates?

  private init(
    _ configuration: (_ publicKeyFile: String) -> String, certificates: TestCertificates?,
    honestTarget: String
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let keys = folder.path()
    publicKeyFile = keys + "/public.pem"
    file = keys + "/martlet.yaml"
    self.certificates = certificates
    authorityFile = certificates?.authorityFile
    self.honestTarget = honestTarget
    let openssl = try ChildProcess(
      "sh",
      [
        "-c",
        "openssl genrsa -out \"$0/private.pem\" 2048 && "
          + "openssl rsa -in \"$0/private.pem\" -pubout -out \"$0/public.pem\"", keys,
      ])
    try await eventually("an RSA key is made") { !openssl.isRunning }
    try configuration(publicKeyFile).write(toFile: file, atomically: true, encoding: .utf8)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  /// Plain text, small limits, short deadlines.
  static func plain() async throws -> Setting {
    try await Setting(
      {
        """
        loops: 1
        api_keys: [\(apiKey)]
        backplane: {kind: memory}
        presence: {grace: 100ms, batch: 50ms}
        long_poll: {wait: 5s}
        auth:
          tokens:
            - {algorithm: HS256, secret: \(secret)}
            - {algorithm: RS256, public_key_file: \($0)}
        limits:
          message_size: 64KiB
          frame_size: 128KiB
          pending_bytes: 256KiB
          recovery_memory: 16MiB
          header_size: 16KiB
          groups_per_session: 20
          publish_rate: 200
          handshake_timeout: 1s
          ping_interval: 1s
          ping_timeout: 2s
          drain_timeout: 0s
        \(routes)
        """
      }, certificates: nil, honestTarget: "/ws/room/honest/")
  }

  /// TLS and tenants.
  static func tls() async throws -> Setting {
    let certificates = try await TestCertificates.make()
    let server = certificates.server
    return try await Setting(
      { _ in
        """
        loops: 1
        api_keys: [\(apiKey), {key: \(tenantKey), tenant: acme}]
        tenants: {claim: org}
        backplane: {kind: memory}
        presence: {grace: 100ms, batch: 50ms}
        tls: {certificate_file: \(server.certificateFile), private_key_file: \(server.privateKeyFile)}
        auth: {tokens: [{algorithm: HS256, secret: \(secret)}]}
        limits: {handshake_timeout: 1s, drain_timeout: 0s}
        routes:
          - path: /ws/room/{room}/
            group: room_{room}
            history: {size: 100, ttl: 10m}
            events: {chat_message: {}}
        """
      }, certificates: certificates,
      honestTarget: "/ws/room/honest/?token=" + RawToken.valid(#""sub":"ann","org":"acme""#))
  }

  /// How many connections an address may have, where that is limited.
  static let connectionsOfAddress = 10
  /// New connections at once, and in a second.
  static let acceptBurst = 40
  /// Below what even a busy machine connects in a second.
  static let acceptRate = 10

  /// Few connections.
  static func guarded() async throws -> Setting {
    try await Setting(
      { _ in
        """
        loops: 1
        backplane: {kind: memory}
        limits:
          connections_per_address: \(connectionsOfAddress)
          accept_rate: \(acceptRate)
          accept_burst: \(acceptBurst)
          # Connections that say nothing are to stay while others come, however slowly.
          handshake_timeout: 10s
          drain_timeout: 0s
        \(routes)
        """
      }, certificates: nil, honestTarget: "/ws/room/honest/")
  }

  private static let routes = """
    routes:
      - path: /ws/room/{room}/
        group: room_{room}
        access: {anonymous: true}
        history: {size: 1000, ttl: 10m}
        presence: true
        events: {chat_message: {}, page_change: {kind: presence}}
      - path: /ws/private/{room}/
        group: private_{room}
        access: {claims: {rooms: {contains: "{room}"}}}
        events: {chat_message: {}}
    """
}
