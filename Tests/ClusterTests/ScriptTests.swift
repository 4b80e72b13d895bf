import Foundation
import MartletTestSupport
import Testing

/// `cluster/` and `k8s/` as an operator uses them.
@Suite struct ScriptTests {
  private func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> (status: Int32, output: String) {
    let process = try ProgramProcess(
      URL(filePath: "/usr/bin/env"), [program] + arguments, environment: environment)
    let status = try await process.status(within: .seconds(120))
    return (status, process.output)
  }

  @Test
  func
    `cluster/up starts everything, a killed member is shown and started again, cluster/down ends all`()
    async throws
  {
    let folder = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    // A copy, so that a cluster which somebody runs here is left alone.
    let scripts = folder.appending(component: "cluster")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: ProgramProcess.repository.appending(component: "cluster"), to: scripts)
    try? FileManager.default.removeItem(at: scripts.appending(component: "run"))
    let base = Int.random(in: 20...50) * 500
    let environment = [
      "MARTLET_BIN": ProgramProcess.built("martlet-gateway").deletingLastPathComponent().path(),
      "MARTLET_PORT_BASE": "\(base)", "MARTLET_REDIS_PORT_BASE": "\(base + 300)",
    ]
    func cluster(_ command: String, _ arguments: String...) async throws -> (
      status: Int32, output: String
    ) {
      try await run(
        scripts.appending(component: command).path(), arguments, environment: environment)
    }
    do {
      try await useCluster(base, cluster)
    } catch {
      _ = try await cluster("down")
      throw error
    }
    let down = try await cluster("down")
    #expect(down.status == 0, "\(down.output)")
    #expect(try await cluster("status").status == 3)
    #expect(await !FreePort.accepts(base + 101))
  }

  private func useCluster(
    _ base: Int,
    _ cluster: (_ command: String, _ arguments: String...) async throws -> (
      status: Int32, output: String
    )
  ) async throws {
    let up = try await cluster("up")
    #expect(up.status == 0, "\(up.output)")
    #expect(up.output.contains("http://127.0.0.1:\(base)"))
    let status = try await cluster("status")
    #expect(status.status == 0, "\(status.output)")
    // Through HAProxy: a WebSocket, and a publication that reaches it.
    let client = try await WebSocketTestClient.connect(port: base, "/ws/demo/7/?name=Ann")
    _ = try await client.message(ofType: "connection_established")
    let answer = try await HTTPTestClient.request(
      "POST", port: base, "/api/publish",
      headers: [("Authorization", "Bearer martlet-development-key")],
      body: #"{"group":"demo_7","event":{"type":"x"}}"#)
    #expect(answer.status == 200)
    _ = try await client.message(ofType: "x")
    let again = try await cluster("up")
    #expect(again.status != 0 && again.output.contains("up"))
    let row = try #require(status.output.split(separator: "\n").first { $0.contains("gateway-2") })
    let pid = try #require(row.split(separator: " ").compactMap { Int32($0) }.first)
    _ = Foundation.kill(pid, SIGKILL)
    try await eventually("the loss is shown") { try await cluster("status").status == 1 }
    let restart = try await cluster("up", "gateway-2")
    #expect(restart.status == 0, "\(restart.output)")
    #expect(try await cluster("status").status == 0)
  }

  @Test func `k8s/base renders, with probes on the ports that its configuration names`()
    async throws
  {
    let base = ProgramProcess.repository.appending(path: "k8s/base")
    let rendered = try await run("kubectl", ["kustomize", base.path()])
    #expect(rendered.status == 0, "\(rendered.output)")
    let documents = rendered.output.components(separatedBy: "\n---\n")
    func kinds(_ kind: String) -> [String] { documents.filter { $0.contains("\nkind: \(kind)\n") } }
    #expect(kinds("Deployment").count == 2 && kinds("StatefulSet").count == 1)
    #expect(kinds("Service").count >= 2)
    for deployment in kinds("Deployment") {
      #expect(deployment.contains("path: /readyz") && deployment.contains("path: /healthz"))
      #expect(deployment.contains("readOnlyRootFilesystem: true"))
    }
    // The programs accept the configuration that they would be given.
    for program in ["martlet-gateway", "martlet-presence"] {
      let check = try ProgramProcess(
        ProgramProcess.built(program),
        ["--config", base.appending(component: "martlet.yaml").path(), "--check"],
        environment: [
          "MARTLET_API_KEY": "0123456789abcdef",
          "MARTLET_TOKEN_SECRET": "0123456789abcdef0123456789abcdef",
        ])
      #expect(try await check.status() == 0, "\(check.output)")
    }
  }
}
