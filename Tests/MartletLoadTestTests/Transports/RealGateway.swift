import Foundation
import Logging
import MartletConfiguration
import MartletCore
import MartletGateway
import MartletTestSupport

/// A gateway of the project inside the test's process, on free ports.
struct RealGateway {
  let server: GatewayServer
  var port: Int { server.clientAddress.port }

  /// Starts one that the caller ends, once: by draining or stopping it.
  ///
  /// - Parameters:
  ///   - extra: further top-level YAML.
  ///   - limits: keys of `limits`, as YAML in braces.
  static func start(_ extra: String = "", limits: String = "{}") async throws -> RealGateway {
    let yaml = """
      listen: 127.0.0.1:0
      admin: 127.0.0.1:0
      loops: 1
      compression: {enabled: true, floor: 64B}
      limits: \(limits)
      \(extra)
      routes:
        - path: /ws/load/{group}/
          group: load_{group}
          access: {anonymous: true}
          history: {size: 50, ttl: 1m}
          events: {load: {}}
        - path: /ws/room/{room}/
          group: room_{room}
          access: {anonymous: true}
          presence: true
          events: {user_typing: {kind: ephemeral, exclude_sender: true}}
        - path: /ws/projects/{project}/
          group: project_{project}
          access: {claims: {projects: {contains: "{project}"}}}
          history: {size: 50, ttl: 1m}
          events: {load: {}}
      """
    return try await start(configuration: yaml)
  }

  /// As ``start(_:limits:)``, with a configuration of its own.
  static func start(configuration yaml: String) async throws -> RealGateway {
    let configuration = try Configuration(
      yaml: yaml, file: "test.yaml", environment: [:],
      readFile: { try? String(contentsOfFile: $0, encoding: .utf8) })
    return RealGateway(
      server: try await GatewayServer.start(
        configuration, file: "test.yaml",
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, onFatal: { _ in }))
  }

  /// Runs `body` against a gateway and stops it, whatever happens.
  static func with(
    _ extra: String = "", limits: String = "{}", _ body: (RealGateway) async throws -> Void
  ) async throws {
    try await start(extra, limits: limits).use(body)
  }

  /// Runs `body` and stops the gateway, whatever happens.
  func use(_ body: (RealGateway) async throws -> Void) async throws {
    do {
      try await body(self)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  /// The same behind TLS.
  static func withTLS(
    _ extra: String = "", _ body: (RealGateway, TestCertificates) async throws -> Void
  ) async throws {
    let certificates = try await TestCertificates.make()
    let identity = certificates.server
    let tls = """
      tls:
        certificate_file: \(identity.certificateFile)
        private_key_file: \(identity.privateKeyFile)
      \(extra)
      """
    try await with(tls) { try await body($0, certificates) }
  }
}
