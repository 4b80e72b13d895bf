import Foundation
import MartletTestSupport

/// `martlet-gateway` with `cluster/systems/conformance.yaml`, as a process of its own. Killed with its owner.
final class EchoGateway {
  let port: Int
  private let process: ProgramProcess
  private let folder: URL?

  private init(port: Int, _ process: ProgramProcess, folder: URL?) {
    self.port = port
    self.process = process
    self.folder = folder
  }

  deinit {
    process.kill()
    if let folder { try? FileManager.default.removeItem(at: folder) }
  }

  /// - Parameter identity: with which it speaks TLS; nil: plain text.
  static func start(
    contextTakeover: Bool = true, identity: TestCertificates.Identity? = nil
  ) async throws -> EchoGateway {
    var file = ProgramProcess.repository.appending(path: "cluster/systems/conformance.yaml")
    var folder: URL?
    if let identity {
      let directory = FileManager.default.temporaryDirectory.appending(
        component: "martlet-\(UUID())")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let tls = """

        tls:
          certificate_file: \(identity.certificateFile)
          private_key_file: \(identity.privateKeyFile)
        """
      let text = try String(contentsOf: file, encoding: .utf8) + tls
      file = directory.appending(component: "conformance.yaml")
      try text.write(to: file, atomically: true, encoding: .utf8)
      folder = directory
    }
    let port = try await FreePort.find()
    let process = try ProgramProcess(
      ProgramProcess.built("martlet-gateway"), ["--config", file.path()],
      environment: [
        "MARTLET_LISTEN": "127.0.0.1:\(port)", "MARTLET_ADMIN": "127.0.0.1:0",
        "MARTLET_CONTEXT_TAKEOVER": "\(contextTakeover)",
      ])
    let gateway = EchoGateway(port: port, process, folder: folder)
    try await eventually("the gateway listens") {
      guard process.isRunning else { throw NeverTrue(what: "it runs: \(process.output)") }
      return process.output.contains("listening")
    }
    return gateway
  }

  /// Whether it has survived so far.
  var isRunning: Bool { process.isRunning }
}
