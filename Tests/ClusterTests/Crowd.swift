import MartletCore
import MartletTestSupport
import Synchronization

/// Clients that come and go, on whichever gateway takes them.
final class Crowd: Sendable {
  /// A client that is in a group.
  struct Member: Sendable {
    var user: String
    var group: String
    var page: String
    var connection: CrowdConnection
  }

  private let ports: [Int]
  private let secret: String
  private let count: Int
  private let isStopping = Atomic(false)
  private let joins = Atomic(0)
  private let members = Mutex<[Int: Member]>([:])

  /// - Parameters:
  ///   - ports: of the gateways.
  ///   - secret: that signs tokens.
  init(_ count: Int, ports: [Int], secret: String) {
    self.count = count
    self.ports = ports
    self.secret = secret
  }

  static let groupCount = 40
  static let userCount = 700

  static func group(_ number: Int) -> String { "room_\(number)" }

  /// How often somebody has joined so far.
  var joinCount: Int { joins.load(ordering: .relaxed) }

  /// How many are in their groups now.
  var presentCount: Int { members.withLock { $0.values.count { $0.connection.isOpen } } }

  /// Lets everybody come and go until ``stop()`` is called; returns when nobody moves any more.
  func run() async {
    await withTaskGroup(of: Void.self) { tasks in
      for client in 0..<count { tasks.addTask { await self.live(client) } }
    }
  }

  /// Everybody stays where they are.
  func stop() {
    isStopping.store(true, ordering: .relaxed)
  }

  /// Who is where, once ``run()`` has returned.
  var present: [Member] {
    members.withLock { $0.values.filter(\.connection.isOpen) }
  }

  func leave() async {
    for member in present { await member.connection.leave() }
  }

  // MARK: One client

  private func live(_ client: Int) async {
    let user = "u\(client % Self.userCount)"
    let claims: [String: JSONValue] = ["sub": .string(user), "exp": .number(4_000_000_000)]
    guard let token = try? await TestToken.hs256(claims, secret: secret) else { return }
    while !isStopping.load(ordering: .relaxed) {
      guard let port = ports.randomElement() else { return }
      let number = client * 7 % Self.groupCount
      let page = "p\(Int.random(in: 0..<5))"
      let target = "/ws/room/\(number)/?token=\(token)&presence=%7B%22page%22%3A%22\(page)%22%7D"
      guard let connection = try? await CrowdConnection.join(port: port, target) else {
        await pause(100...400)  // The gateway is away.
        continue
      }
      joins.add(1, ordering: .relaxed)
      let member = Member(
        user: user, group: Self.group(number), page: page, connection: connection)
      members.withLock { $0[client] = member }
      await stay(client, connection)
    }
  }

  /// Is there for a while, on one page and then on another.
  private func stay(_ client: Int, _ connection: CrowdConnection) async {
    await pause(1_000...6_000) { connection.isOpen }
    let page = "p\(Int.random(in: 0..<5))"
    if !isStopping.load(ordering: .relaxed),
      (try? await connection.send(#"{"type":"page_change","page":"\#(page)"}"#)) != nil
    {
      members.withLock { $0[client]?.page = page }
    }
    await pause(1_000...6_000) { connection.isOpen }
    if isStopping.load(ordering: .relaxed) { return }
    members.withLock { $0[client] = nil }
    await connection.leave()
    await pause(100...2_000)
  }

  /// What people do takes time. Milliseconds; less once everybody is to stay, or `goesOn` is false.
  private func pause(
    _ range: ClosedRange<Int>, while goesOn: () -> Bool = { true }
  ) async {
    var rest = Int.random(in: range)
    while rest > 0, !isStopping.load(ordering: .relaxed), goesOn() {
      try? await Task.sleep(for: .milliseconds(min(rest, 100)))
      rest -= 100
    }
  }
}
