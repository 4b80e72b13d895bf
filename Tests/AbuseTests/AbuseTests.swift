import Testing

/// Each case says what an attacker does and which answer it gets. Around each the gateway has to live, its memory has to stay bounded,
/// nothing of the attacker may be left behind, and honest clients get every publication, once, in order, undisturbed.
@Suite(.serialized, .underAttack(Setting.plain)) struct AbuseTests {
  @Test(arguments: Attack.slowHandshakes)
  func `Who does not come to the point is not waited for`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.oversizedRequests)
  func `A request has its limits`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.smuggling)
  func `A request that others may read otherwise is not read at all`(_ attack: Attack)
    async throws
  {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.upgrades)
  func `An upgrade is one clean request`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.frames)
  func `A frame against the rules ends the connection`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.hugeMessages)
  func `What claims to be huge, or is, takes no memory`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.floods)
  func `A flood drowns only who makes it`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.badText)
  func `Text that is not UTF-8 goes nowhere`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.badJSON)
  func `JSON against the rules is refused`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.tokens)
  func `A token that is not beyond doubt is no token`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.fallback)
  func `Requests instead of sockets have the same limits`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }
}

/// A gateway of their own, since they take their time.
@Suite(.serialized, .underAttack(Setting.plain)) struct StallAbuseTests {
  @Test(arguments: Attack.absentPeers)
  func `A peer that does not read, or is gone, is given up`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.brokenStreams)
  func `HTTP/2 against the rules ends the stream or the connection`(_ attack: Attack)
    async throws
  {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.streamFloods)
  func `HTTP/2 that makes work without a use is sent away`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }
}

@Suite(.serialized, .underAttack(Setting.tls)) struct TLSAbuseTests {
  @Test(arguments: Attack.tlsHandshakes)
  func `A TLS handshake against the rules leads nowhere`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }

  @Test(arguments: Attack.tenants)
  func `Nobody reaches across tenants`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }
}

@Suite(.serialized, .underAttack(Setting.guarded)) struct CrowdingTests {
  @Test(arguments: Attack.crowds)
  func `Too many connections are told so`(_ attack: Attack) async throws {
    try await UnderAttack.victim.suffer(attack)
  }
}
