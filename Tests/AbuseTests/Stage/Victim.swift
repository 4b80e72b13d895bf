import Foundation
import MartletTestSupport
import Testing

/// A gateway under attack, as a process of its own, with honest clients on it.
final class Victim: Sendable {
  /// How much more memory a case may make the gateway have resident than it had before the first one. Far more than any case
  /// needs, and far less than what each would take from a gateway without the limit that it tests.
  static let memoryAllowance = 96 << 20

  let port: Int
  let setting: Setting
  private let adminPort: Int
  private let process: SharedProcess
  private let figures: ProcessFigures
  private let crowd: HonestCrowd
  private let memory: Int

  var isRunning: Bool { process.isRunning }
  var authorityFile: String? { setting.authorityFile }

  private init(
    _ setting: Setting, port: Int, adminPort: Int, _ process: SharedProcess,
    _ crowd: HonestCrowd
  ) {
    self.setting = setting
    self.port = port
    self.adminPort = adminPort
    self.process = process
    self.crowd = crowd
    figures = ProcessFigures(pid: process.identifier)
    memory = figures.peakMemory
  }

  func tls(_ protocols: [String]) -> RawConnection.TLS? {
    setting.authorityFile.map { RawConnection.TLS(authorityFile: $0, protocols: protocols) }
  }

  /// Starts a gateway, lets honest clients join, and runs `body` while they publish.
  static func with(_ setting: Setting, _ body: (Victim) async throws -> Void)
    async throws
  {
    let port = try await FreePort.find()
    let adminPort = try await FreePort.find()
    let process = try SharedProcess(
      ProgramProcess(
        ProgramProcess.built("martlet-gateway"),
        [
          "--config", setting.file, "--listen", "127.0.0.1:\(port)", "--admin",
          "127.0.0.1:\(adminPort)",
        ]))
    try await eventually("the gateway is ready", within: .seconds(60)) {
      guard process.isRunning else { throw NeverTrue(what: "it runs: \(process.output)") }
      return (try? await HTTPTestClient.request(port: adminPort, "/readyz").status) == 200
    }
    let tls = setting.authorityFile.map { RawConnection.TLS(authorityFile: $0) }
    let crowd = try await HonestCrowd.join(port: port, tls: tls, setting.honestTarget)
    let victim = Victim(setting, port: port, adminPort: adminPort, process, crowd)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await crowd.publish() }
      try await body(victim)
      tasks.cancelAll()
    }
    await crowd.leave()
    process.signal(SIGTERM)
    let status = try await process.status()
    #expect(status == 0, "the gateway stops in order: \(process.output.suffix(2_000))")
  }

  // MARK: Around a case

  /// Lets an attacker do what it does; expects its answer, and that all is as before when it has left.
  func suffer(_ attack: Attack) async throws {
    let descriptors = try await settled()
    figures.forgetPeak()
    let attacker = Attacker(self)
    do {
      let answer = try await attack.run(attacker)
      #expect(answer == attack.answer)
    } catch {
      Issue.record("\(error)")
    }
    try await crowd.verify()
    await attacker.leave()
    try await survive(descriptors)
  }

  private func survive(_ descriptors: Int) async throws {
    #expect(process.isRunning, "\(process.output.suffix(4_000))")
    try #require(process.isRunning)
    #expect(try await HTTPTestClient.request(port: adminPort, "/healthz").status == 200)
    let grown = figures.peakMemory - memory
    #expect(grown < Self.memoryAllowance, "\(grown >> 20) MiB more are resident")
    do {
      try await eventually("only honest clients have sessions") {
        try await sessions() == crowd.members.count
      }
      try await eventually("all descriptors of the attacker are closed") {
        figures.descriptors <= descriptors
      }
    } catch {
      Issue.record("\(error): \(try await sessions()) sessions, \(figures.descriptors) descriptors")
    }
    try await crowd.verify()
  }

  /// The number of open descriptors when nobody but the honest is here: what closes closes in a moment.
  private func settled() async throws -> Int {
    var count = figures.descriptors
    var unchanged = 0
    try await eventually("connections come to rest") {
      let now = figures.descriptors
      unchanged = now == count ? unchanged + 1 : 0
      count = now
      return unchanged >= 3
    }
    return count
  }

  private func sessions() async throws -> Int {
    try await metric("martlet_sessions")
  }

  /// How many sessions were closed for a reason.
  func closes(_ reason: String) async throws -> Int {
    try await metric("martlet_sessions_closed_total{reason=\"\(reason)\"}")
  }

  /// The number of open descriptors, when no request of ours is under way.
  func sockets() async throws -> Int { try await settled() }

  private func metric(_ name: String) async throws -> Int {
    let metrics = try await HTTPTestClient.request(port: adminPort, "/metrics").body
    let line = metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
  }
}
