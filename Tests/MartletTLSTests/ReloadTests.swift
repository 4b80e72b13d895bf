import Foundation
import Logging
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// Files that change under a listener.
  @Suite struct ReloadTests {
    private let certificates = TestCertificates.ofSuite
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// A directory of this test with `server.pem` and `server.key`.
    private func directory() throws -> String {
      let directory = certificates.directory + "/\(UUID().uuidString)"
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
      return directory
    }

    private func put(_ identity: TestCertificates.Identity, in directory: String) throws {
      try put(identity.certificateFile, at: directory + "/server.pem")
      try put(identity.privateKeyFile, at: directory + "/server.key")
    }

    private func put(_ file: String, at path: String) throws {
      try String(contentsOfFile: file, encoding: .utf8)
        .write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func settings(_ directory: String) -> TLSServerConfiguration {
      TLSServerConfiguration(
        certificateFile: directory + "/server.pem", privateKeyFile: directory + "/server.key")
    }

    /// Whether a client that asks for `name` is satisfied with what it is shown.
    private func shows(_ name: String, _ context: ReloadingTLSContext) throws -> Bool {
      let pair = try TLSPair(.testClient(), context.current, serverName: name)
      try pair.connect()
      return pair.client.journal.handshake != nil
    }

    @Test func `New connections get the new certificate, and open ones go on`() throws {
      let directory = try directory()
      try put(certificates.server, in: directory)
      let context = try ReloadingTLSContext(settings(directory), logger: logger)
      let open = try TLSPair(.testClient(), context.current)
      try open.connect()
      #expect(context.reloadIfChanged() == .unchanged)
      try put(certificates.chatServer, in: directory)
      #expect(try !shows("chat.example", context))
      #expect(context.reloadIfChanged() == .reloaded)
      #expect(try shows("chat.example", context) && !shows("localhost", context))
      open.client.send("still here")
      try open.pump()
      #expect(open.server.journal.text == "still here" && open.client.journal.errors.isEmpty)
      #expect(context.reloadIfChanged() == .unchanged)
    }

    @Test func `A broken file is told once, and the old certificate stays until it is mended`()
      throws
    {
      let directory = try directory()
      try put(certificates.server, in: directory)
      let context = try ReloadingTLSContext(settings(directory), logger: logger)
      let old = context.current
      // A certificate without its key yet: between two writes.
      try put(certificates.chatServer.certificateFile, at: directory + "/server.pem")
      guard case .failed(.configuration(let file?, let problem)) = context.reloadIfChanged() else {
        Issue.record("a key that does not fit was taken")
        return
      }
      #expect(file == directory + "/server.key" && problem.contains("does not fit"))
      #expect(context.current === old && context.reloadIfChanged() == .unchanged)
      try FileManager.default.removeItem(atPath: directory + "/server.key")
      #expect(
        context.reloadIfChanged()
          == .failed(
            .configuration(file: directory + "/server.key", problem: "No such file or directory")))
      #expect(try shows("localhost", context))
      try put(certificates.chatServer.privateKeyFile, at: directory + "/server.key")
      #expect(context.reloadIfChanged() == .reloaded)
      #expect(try shows("chat.example", context))
    }

    /// As Kubernetes updates a mounted secret: the files are links through a link that is replaced.
    @Test func `A symbolic link that moves is a change`() throws {
      let directory = try directory()
      for (version, identity) in [("..1", certificates.server), ("..2", certificates.chatServer)] {
        try FileManager.default.createDirectory(
          atPath: "\(directory)/\(version)", withIntermediateDirectories: false)
        try put(identity, in: "\(directory)/\(version)")
      }
      func link(_ path: String, to destination: String) throws {
        try FileManager.default.createSymbolicLink(
          atPath: path, withDestinationPath: destination)
      }
      try link(directory + "/..data", to: "..1")
      try link(directory + "/server.pem", to: "..data/server.pem")
      try link(directory + "/server.key", to: "..data/server.key")
      let context = try ReloadingTLSContext(settings(directory), logger: logger)
      #expect(try shows("localhost", context))
      try link(directory + "/..new", to: "..2")
      let isRenamed = unsafe rename(directory + "/..new", directory + "/..data") == 0
      #expect(isRenamed)
      #expect(context.reloadIfChanged() == .reloaded)
      #expect(try shows("chat.example", context))
    }

    @Test func `Every file is looked at`() throws {
      let directory = try directory()
      try put(certificates.server, in: directory)
      var configuration = settings(directory)
      let named = directory + "/named"
      try FileManager.default.createDirectory(atPath: named, withIntermediateDirectories: false)
      try put(certificates.chatServer, in: named)
      configuration.namedIdentities = [
        TLSIdentity(
          certificateFile: named + "/server.pem", privateKeyFile: named + "/server.key",
          serverNames: ["chat.example"])
      ]
      configuration.clientCertificates = .optional
      configuration.clientAuthorityFile = directory + "/authority.pem"
      try put(certificates.authorityFile, at: directory + "/authority.pem")
      configuration.ticketSecret = .file(directory + "/secret")
      let secret = String(repeating: "s", count: 32)
      try secret.write(toFile: directory + "/secret", atomically: true, encoding: .utf8)
      let context = try ReloadingTLSContext(configuration, logger: logger)
      try put(certificates.otherNameServer, in: named)
      #expect(context.reloadIfChanged() == .reloaded)
      try put(certificates.otherAuthorityFile, at: directory + "/authority.pem")
      #expect(context.reloadIfChanged() == .reloaded)
      try (secret + "2").write(toFile: directory + "/secret", atomically: true, encoding: .utf8)
      #expect(context.reloadIfChanged() == .reloaded)
      #expect(context.reloadIfChanged() == .unchanged)
    }

    @Test func `A client comes back with its ticket after a reload`() throws {
      let directory = try directory()
      try put(certificates.server, in: directory)
      let context = try ReloadingTLSContext(settings(directory), logger: logger)
      let client = try TLSContext.testClient()
      let first = try TLSPair(client, context.current)
      try first.connect()
      let ticket = try #require(first.client.handler.ticket)
      try put(certificates.chainedServer, in: directory)
      #expect(context.reloadIfChanged() == .reloaded)
      let second = try TLSPair(client, context.current, resuming: ticket)
      try second.connect()
      #expect(second.server.journal.handshake?.isResumed == true)
    }

    @Test func `A watcher finds the change by itself, until it is cancelled`() async throws {
      let directory = try directory()
      try put(certificates.server, in: directory)
      let context = try ReloadingTLSContext(settings(directory), logger: logger)
      let old = context.current
      let watcher = Task { await context.watch(every: .milliseconds(5)) }
      try put(certificates.chatServer, in: directory)
      try await eventually("the new certificate is taken") { context.current !== old }
      watcher.cancel()
      await watcher.value
      #expect(try shows("chat.example", context))
    }

    @Test func `A listener begins with files that are good`() throws {
      let directory = try directory()
      #expect(throws: TLSError.self) {
        try TLSListener(settings(directory), logger: logger)
      }
      try put(certificates.server, in: directory)
      var configuration = settings(directory)
      configuration.applicationProtocols = TLSListener.applicationProtocols
      let listener = try TLSListener(configuration, logger: logger)
      for (offered, chosen) in [(["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), ([], nil)]
        as [([String], String?)]
      {
        let pair = try TLSPair(
          .testClient(offering: offered), handler: listener.makeHandler())
        try pair.connect()
        #expect(pair.server.journal.handshake?.applicationProtocol == chosen)
      }
    }
  }
}
