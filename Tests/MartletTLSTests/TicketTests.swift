import Foundation
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// Clients that come back without a full handshake (RFC 5077, RFC 8446 §2.2), to any gateway and at any time.
  @Suite struct TicketTests {
    private let certificates = TestCertificates.ofSuite
    private static let secret = TicketSecret.text(String(repeating: "s", count: 32))
    private static let otherSecret = TicketSecret.text(String(repeating: "o", count: 32))
    /// Somewhere within a period.
    private static let now = 1_000 * TicketKeySchedule.period + 17

    private func server(
      _ secret: TicketSecret = secret, at time: Int = now,
      _ change: (inout TLSServerConfiguration) -> Void = { _ in }
    ) throws -> TLSContext {
      var configuration = TLSServerConfiguration(certificates.server)
      configuration.ticketSecret = secret
      change(&configuration)
      return try .server(configuration, clock: { time })
    }

    /// Whether a client of the one is known to the other.
    private func resumes(
      _ first: TLSContext, _ second: TLSContext, _ version: TLSVersion,
      as identity: TestCertificates.Identity? = nil
    ) throws -> TLSHandshakeCompleted? {
      let client = try TLSContext.testClient(as: identity, newestVersion: version)
      let before = try TLSPair(client, first)
      before.server.send("something to read, with the tickets before it")
      try before.connect()
      let ticket = try #require(before.client.handler.ticket)
      let after = try TLSPair(client, second, resuming: ticket)
      after.client.send("hello again")
      try after.connect()
      #expect(after.server.journal.text == "hello again")
      // And may come back again.
      #expect(after.client.handler.ticket != nil)
      #expect(after.client.journal.errors.isEmpty && after.server.journal.errors.isEmpty)
      #expect(
        after.client.journal.handshake?.isResumed == after.server.journal.handshake?.isResumed)
      return after.server.journal.handshake
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A ticket is good on every gateway with the same secret`(version: TLSVersion) throws {
      #expect(try resumes(server(), server(), version)?.isResumed == true)
      let file = try certificates.write(
        " \(String(repeating: "s", count: 32))\r\n", to: "ticket-secret-\(version)")
      #expect(try resumes(server(), server(.file(file)), version)?.isResumed == true)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A ticket of another secret means a full handshake`(version: TLSVersion) throws {
      #expect(try resumes(server(), server(Self.otherSecret), version)?.isResumed == false)
      #expect(try resumes(server(), server(.ofProcess), version)?.isResumed == false)
      // Two contexts of one process, as before and after a reload.
      #expect(try resumes(server(.ofProcess), server(.ofProcess), version)?.isResumed == true)
    }

    @Test(
      arguments: [TLSVersion.tls12, .tls13],
      [(0, true), (1, true), (2, false), (-1, true), (-2, false)])
    func `Keys change with time, and the one before still opens`(
      version: TLSVersion, step: (periods: Int, isResumed: Bool)
    ) throws {
      let later = try server(at: Self.now + step.periods * TicketKeySchedule.period)
      #expect(try resumes(server(), later, version)?.isResumed == step.isResumed)
    }

    @Test func `A ticket sealed at the end of a period is good for as long as tickets are`() {
      let keys = TicketKeys(secret: [UInt8](repeating: 1, count: 32))
      let sealed = keys.sealing(at: TicketKeySchedule.period - 1)
      let end = 2 * TicketKeySchedule.period - 1
      #expect(
        keys.opening(sealed.name, at: end) == TicketKeys.Opening(key: sealed, isCurrent: false))
      #expect(keys.opening(sealed.name, at: end + 1) == nil)
      #expect(
        keys.opening(sealed.name, at: 0) == TicketKeys.Opening(key: sealed, isCurrent: true))
    }

    @Test func `Keys of different secrets and periods have nothing in common`() {
      let secrets = [1, 2].map { TicketKeySchedule(secret: [UInt8](repeating: $0, count: 32)) }
      let keys = secrets.flatMap { secret in [-1, 0, 1, 256].map { secret.key(of: $0) } }
      let parts = keys.flatMap { [$0.name, Array($0.encryption), Array($0.authentication)] }
      #expect(Set(parts).count == parts.count)
      #expect(secrets[0].key(of: 7) == secrets[0].key(of: 7))
      for part in parts { #expect(part.count == 16 || part.count == 32) }
    }

    /// RFC 5869 appendix A.3, which has 42 bytes.
    @Test func `Keys are derived by HKDF`() {
      let key = TicketKey(secret: [UInt8](repeating: 0x0b, count: 22), info: [])
      let expected: [UInt8] = [
        0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80, 0x2a, 0x06, 0x3c, 0x5a,
        0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1, 0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73,
        0x8d, 0x2d, 0x9d, 0x20, 0x13, 0x95, 0xfa, 0xa4, 0xb6, 0x1a, 0x96, 0xc8,
      ]
      #expect(Array((key.name + key.encryption).prefix(expected.count)) == expected)
    }

    @Test(arguments: [(0, 0), (-1, -1), (43_199, 0), (43_200, 1), (-43_200, -1), (-43_201, -2)])
    func `A time belongs to one period`(time: Int, period: Int) {
      #expect(TicketKeySchedule.period(at: time) == period)
    }

    @Test func `A secret that can be guessed is refused`() throws {
      let short = String(repeating: "s", count: 31)
      #expect(
        throws: TLSError.configuration(
          problem: "the ticket secret is 31 bytes long; at least 32 are needed")
      ) { try server(.text(short)) }
      let file = try certificates.write("\n \(short) \n", to: "short-secret")
      #expect(
        throws: TLSError.configuration(
          file: file, problem: "the ticket secret is 31 bytes long; at least 32 are needed")
      ) { try server(.file(file)) }
      #expect(
        throws: TLSError.configuration(file: "/no/secret", problem: "No such file or directory")
      ) { try server(.file("/no/secret")) }
    }

    // MARK: Clients' certificates

    private func asking(
      _ mode: ClientCertificates, authority: String? = nil, at time: Int = now
    ) throws -> TLSContext {
      try server(at: time) { configuration in
        configuration.clientCertificates = mode
        configuration.clientAuthorityFile = authority ?? certificates.authorityFile
      }
    }

    /// The real time, since certificates have one.
    private static let today = SystemClock.now()

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A client that was verified still is when it comes back`(version: TLSVersion) throws {
      for mode in [ClientCertificates.optional, .required] {
        let result = try resumes(
          asking(mode, at: Self.today), asking(mode, at: Self.today), version,
          as: certificates.client)
        #expect(result?.isResumed == true)
        #expect(result?.clientCertificate?.uris == ["spiffe://example/client"])
      }
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A ticket of a listener that asks for less, or trusts others, is not enough`(
      version: TLSVersion
    ) throws {
      let client = certificates.client
      let pairs: [(TLSContext, TLSContext)] = [
        (try asking(.none), try asking(.required)),
        (try asking(.optional), try asking(.required)),
        (
          try asking(
            .required,
            authority: certificates.write(
              String(contentsOfFile: certificates.authorityFile, encoding: .utf8)
                + String(contentsOfFile: certificates.otherAuthorityFile, encoding: .utf8),
              to: "both-authorities.pem")), try asking(.required)
        ),
      ]
      for (first, second) in pairs {
        let result = try resumes(first, second, version, as: client)
        #expect(result?.isResumed == false)
        #expect(result?.clientCertificate?.commonName == "client")
      }
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A ticket does not outlive the client's certificate`(version: TLSVersion) throws {
      let client = try TLSContext.testClient(as: certificates.client, newestVersion: version)
      let day = 86_400
      // The certificate is good for two days.
      let first = try TLSPair(client, asking(.required, at: Self.today + 3 * day))
      try first.connect()
      let ticket = try #require(first.client.handler.ticket)
      let second = try TLSPair(
        client, asking(.required, at: Self.today + 3 * day), resuming: ticket)
      try second.connect()
      #expect(second.server.journal.handshake?.isResumed == false)
    }
  }
}
