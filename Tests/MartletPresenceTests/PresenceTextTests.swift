import MartletCore
import NIOCore
import Testing

@testable import MartletPresence

@Suite("Presence as text")
struct PresenceTextTests {
  private static let strange = User(id: "a \"b\"\n\tc", name: "\u{1F41F} d")
  private static let session = PresenceSession(
    group: GroupName(trusted: "acme/room"), connectionID: "c1", user: strange,
    meta: #"{"page":"a\tb"}"#, origin: #"{"ip":"::1"}"#)
  private static let key = MembershipKey(gateway: "g-1", membership: Membership(session))

  @Test(
    "reports are read as they were written",
    arguments: [
      PresenceReport.Body.operations([]),
      .operations([
        .join(session), .leave(Membership(session)), .seen(Membership(session), age: 1_500),
      ]),
      .snapshot([]),
      .snapshot([session, Examples.session("c2", User(id: "x", name: nil))]),
      .drain,
      .goodbye,
    ])
  func reports(body: PresenceReport.Body) {
    let (kind, lines) = PresenceText.encode(body)
    let fields = [
      "g": ByteBuffer(string: "g-1"), "n": ByteBuffer(string: "18446744073709551615"),
      "k": ByteBuffer(string: kind), "o": lines,
    ]
    #expect(
      PresenceText.entry(fields: fields)
        == .report(PresenceReport(gateway: "g-1", sequence: .max, body: body)))
  }

  @Test("a choice is read as it was written", arguments: [nil, TenantName("acme")])
  func choices(tenant: TenantName?) {
    let user = HomeUser(user: Self.strange, tenant: tenant)
    let lines = PresenceText.encode(.doNotDisturb, user)
    #expect(
      PresenceText.entry(fields: ["k": ByteBuffer(string: "c"), "o": ByteBuffer(string: lines)])
        == .choice(.doNotDisturb, user))
  }

  @Test(
    "what is not a report is refused",
    arguments: [
      ("o", "+\troom\tc1"), ("o", "?\troom\tc1"), ("o", "+\troom\tc1\t{\t{}\t{}"),
      ("o", "s\troom\tc1\tx"), ("x", ""), ("c", "busy\t\t{\"id\":\"a\"}\n"), ("c", "away\t\t[]\n"),
    ])
  func malformed(kind: String, line: String) {
    let fields = ["g": "g", "n": "1", "k": kind, "o": line].mapValues { ByteBuffer(string: $0) }
    #expect(PresenceText.entry(fields: fields) == nil)
  }

  @Test("fields of hashes are read as they were written")
  func fields() {
    #expect(PresenceRecords.membership(PresenceRecords.field(Self.key)) == Self.key)
    let pair = PresenceRecords.groupAndID(
      PresenceRecords.field(Examples.group, Self.strange.id))
    #expect(pair?.group == Examples.group && pair?.id == Self.strange.id)
    #expect(PresenceRecords.membership("x") == nil)
    #expect(PresenceRecords.groupAndID("x") == nil)
  }

  @Test("values of hashes are read as they were written")
  func values() {
    let entry = RosterEntry(user: Self.strange, since: 1, joined: 2, meta: Self.session.meta)
    #expect(PresenceRecords.rosterEntry(PresenceRecords.value(entry)) == entry)
    let user = HomeUser(user: Self.strange, tenant: TenantName("acme"))
    let home = HomeEntry(user: user, sessionStart: 3, joined: 4)
    #expect(PresenceRecords.homeEntry(PresenceRecords.value(home)) == home)
    for metas in [[], [Self.session.meta, #"{"a":1}"#]] {
      let profile = MemberProfile(user: Self.strange, joinedAt: 5, metas: metas)
      let departing = PresenceRecords.departing(
        PresenceRecords.departing(profile, afterDrain: true))
      #expect(departing?.profile == profile && departing?.afterDrain == true)
    }
    let parting = PresenceRecords.parting(
      PresenceRecords.parting(user, sessionStart: 6, afterDrain: false))
    #expect(parting?.user == user && parting?.sessionStart == 6 && parting?.afterDrain == false)
    for status in [
      HomeStatus(shown: .away, chosen: .available, offlineSince: nil),
      HomeStatus(shown: .offline, chosen: .doNotDisturb, offlineSince: 7),
    ] {
      #expect(PresenceRecords.status(PresenceRecords.value(status)) == status)
    }
    let key = StatusNotice.Key(group: Examples.group, user: user.key)
    for status in [UserStatus.away, nil] {
      let notice = StatusNotice(key: key, user: Self.strange, status: status)
      #expect(PresenceRecords.notice(PresenceRecords.value(notice), key: key) == notice)
    }
    let profile = MemberProfile(user: Self.strange, joinedAt: 8, metas: [Self.session.meta])
    let member = PresenceRecords.member(PresenceRecords.member(profile, connections: 9))
    #expect(member?.profile == profile.json && member?.connections == 9)
  }

  @Test("what is no value is refused", arguments: ["", "1", "1\t2\t3\t4", "x\ty\tz\t{}\t{}"])
  func malformedValues(text: String) {
    #expect(PresenceRecords.rosterEntry(text) == nil)
    #expect(PresenceRecords.homeEntry(text) == nil)
    #expect(PresenceRecords.departing(text) == nil)
    #expect(PresenceRecords.parting(text) == nil)
    #expect(PresenceRecords.status(text) == nil)
  }
}
