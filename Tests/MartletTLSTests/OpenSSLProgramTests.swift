import Foundation
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// Against OpenSSL's own client and server, which do what ours never would.
  @Suite struct OpenSSLProgramTests {
    private let certificates = TestCertificates.ofSuite

    /// A client that types `line`, sees its end of input and leaves; its status and what it said.
    private func connect(
      to listener: any Channel, _ arguments: [String], typing line: String = ""
    ) async throws -> (status: Int32?, output: String) {
      let port = try #require(listener.localAddress?.port)
      let output = certificates.directory + "/\(UUID().uuidString)"
      let process = try ChildProcess(
        "sh",
        [
          "-c", "line=$1; shift; echo \"$line\" | exec openssl s_client \"$@\"", "sh", line,
          "-connect", "127.0.0.1:\(port)",
        ] + arguments, output: output)
      try await eventually("openssl ends") { !process.isRunning }
      return (process.status, try String(contentsOfFile: output, encoding: .utf8))
    }

    @Test func `A client verifies the server, and comes back with its ticket`() async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(
        .testServer(
          certificates.chainedServer, protocols: ["http/1.1"],
          clientAuthority: certificates.authorityFile), journal)
      let ticket = certificates.directory + "/ticket"
      let arguments = [
        "-tls1_2", "-servername", "localhost", "-verify_hostname", "localhost",
        "-verify_return_error", "-CAfile", certificates.authorityFile, "-cert",
        certificates.client.certificateFile, "-key", certificates.client.privateKeyFile, "-alpn",
        "h2,http/1.1",
      ]
      let first = try await connect(to: listener, arguments + ["-sess_out", ticket])
      #expect(first.status == 0)
      for line in [
        "New, TLSv1.2", "ALPN protocol: http/1.1", "Compression: NONE", "Verification: OK",
      ] { #expect(first.output.contains(line)) }
      let second = try await connect(to: listener, arguments + ["-sess_in", ticket])
      #expect(second.status == 0 && second.output.contains("Reused, TLSv1.2"))
      try await eventually("both connections have ended") {
        journal.entries.filter { $0 == .inactive }.count == 2
      }
      #expect(journal.errors.isEmpty)
      try await listener.close().get()
    }

    @Test(arguments: ["-tls1", "-tls1_1"])
    func `Versions before 1.2 are refused`(version: String) async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(.testServer(), journal)
      let client = try await connect(to: listener, [version, "-cipher", "ALL:@SECLEVEL=0"])
      #expect(client.status != 0)
      try await eventually("the server has closed") { journal.isInactive }
      #expect(journal.errors == [.handshake("unsupported protocol")])
      try await listener.close().get()
    }

    @Test(arguments: ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"])
    func `Ciphers without forward secrecy or authentication are refused`(
      cipher: String
    ) async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(.testServer(), journal)
      let client = try await connect(to: listener, ["-tls1_2", "-cipher", cipher])
      #expect(client.status != 0)
      try await eventually("the server has closed") { journal.isInactive }
      #expect(journal.errors == [.handshake("no shared cipher")])
      try await listener.close().get()
    }

    @Test func `A client that asks for a renegotiation is refused`() async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(.testServer(), journal)
      // The client takes the letter for a command; so below.
      _ = try await connect(to: listener, ["-tls1_2"], typing: "R")
      try await eventually("the server has closed") { journal.isInactive }
      #expect(journal.errors == [.connection("the peer asks for a renegotiation")])
      try await listener.close().get()
    }

    @Test func `A client may renew its keys and ask for new ones`() async throws {
      let journal = Journal()
      let listener = try await Loopback.listen(.testServer(), journal)
      let client = try await connect(to: listener, ["-tls1_3"], typing: "K")
      #expect(client.status == 0 && client.output.contains("KEYUPDATE"))
      try await eventually("the server has closed") { journal.isInactive }
      #expect(journal.handshake?.version == .tls13 && journal.errors.isEmpty)
      try await listener.close().get()
    }

    @Test func `A server serves a page`() async throws {
      let port = try await FreePort.find()
      let process = try ChildProcess(
        "openssl",
        [
          "s_server", "-accept", "127.0.0.1:\(port)", "-www", "-cert",
          certificates.server.certificateFile, "-key", certificates.server.privateKeyFile,
        ])
      try await eventually("openssl listens") { await FreePort.accepts(port) }
      let journal = Journal()
      let channel = try await Loopback.connect(.testClient(), port: port, journal)
      try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.0\r\n\r\n")).get()
      try await channel.closeFuture.get()
      #expect(journal.text.contains("200 ok") && journal.text.contains("</HTML>"))
      #expect(journal.errors.isEmpty)
      process.kill()
    }
  }
}
