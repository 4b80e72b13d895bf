import Foundation
import MartletTestSupport
import Testing

/// The programs as a person starts them.
@Suite struct ProgramTests {
  private func run(_ name: String, _ arguments: [String]) async throws -> (Int32, String) {
    let process = try ProgramProcess(ProgramProcess.built(name), arguments)
    let status = try await process.status()
    return (status, process.output)
  }

  private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
    let file = FileManager.default.temporaryDirectory.appending(component: "martlet-\(UUID()).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    try text.write(to: file, atomically: true, encoding: .utf8)
    try await body(file.path())
  }

  @Test(arguments: ["martlet-gateway", "martlet-presence"])
  func `A wrong configuration stops the program and names the key, the value and what is allowed`(
    program: String
  ) async throws {
    try await withFile("limits:\n  message_size: 5 apples\n") { file in
      let (status, output) = try await run(program, ["--config", file])
      #expect(status == 78)
      #expect(output.contains("\(file):2: limits.message_size: \"5 apples\" is not allowed"))
      #expect(output.contains("1KiB to 16MiB"))
    }
    let (status, output) = try await run(program, ["--config", "/nowhere.yaml"])
    #expect(status == 78 && output.contains("/nowhere.yaml: the file cannot be read"))
  }

  @Test(arguments: ["martlet-gateway", "martlet-presence"])
  func `Wrong options are explained, and versions are told`(program: String) async throws {
    let (status, output) = try await run(program, ["--config", "x", "--admin", "nonsense"])
    #expect(status == 64 && output.contains("--admin"))
    let (versionStatus, version) = try await run(program, ["--version"])
    #expect(versionStatus == 0)
    for library in ["martlet ", "hiredis ", "nghttp2 ", "OpenSSL 3."] {
      #expect(version.contains(library), "\(version)")
    }
  }

  @Test(arguments: ["martlet-gateway", "martlet-presence"])
  func `A configuration can be checked without starting`(program: String) async throws {
    try await withFile(ProcessCluster.configuration("servers: [\"redis://127.0.0.1:1\"]")) { file in
      let (status, output) = try await run(program, ["--config", file, "--check"])
      #expect(status == 0 && output.contains("is a valid configuration"))
    }
  }

  @Test func `A taken port is an error that names it`() async throws {
    let file = ProgramProcess.repository.appending(path: "cluster/demo.yaml").path()
    let port = try await FreePort.find()
    let arguments = ["--config", file, "--listen", "127.0.0.1:\(port)", "--admin", "127.0.0.1:0"]
    let first = try ProgramProcess(ProgramProcess.built("martlet-gateway"), arguments)
    try await eventually("it listens") { first.output.contains("listening") }
    let (status, output) = try await run("martlet-gateway", arguments)
    #expect(status == 1 && output.contains("\(port)") && output.contains("in use"), "\(output)")
    first.signal(SIGINT)
    #expect(try await first.status() == 0)
  }

  @Test func `The presence daemon has nothing to do beside a gateway in memory, and says so`()
    async throws
  {
    try await withFile("backplane: {kind: memory}") { file in
      let (status, output) = try await run("martlet-presence", ["--config", file])
      #expect(status == 78 && output.contains("backplane.kind"))
    }
  }
}
