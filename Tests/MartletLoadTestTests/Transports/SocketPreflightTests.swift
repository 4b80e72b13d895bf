import Testing

@testable import MartletLoadTest

@Suite struct SocketPreflightTests {
  private let usual = SocketPreflight(
    sockets: 1_000, targets: 1, localAddresses: 0, descriptorLimit: 1_100, ports: 32_768...60_999)

  @Test func `What fits has no problem`() {
    #expect(usual.problem == nil)
    var many = usual
    many.sockets = 28_232
    many.descriptorLimit = nil
    #expect(many.problem == nil)
    many.sockets = 56_464
    many.localAddresses = 2
    #expect(many.problem == nil)
    many.localAddresses = 0
    many.targets = 2
    #expect(many.problem == nil)
    many.sockets = 1_000_000
    many.ports = nil
    #expect(many.problem == nil)
  }

  @Test func `Too few descriptors are named with what is needed`() throws {
    var preflight = usual
    preflight.sockets = 1_001
    let problem = try #require(preflight.problem)
    #expect(problem.contains("need 1101 file descriptors, and this process may have 1100"))
    #expect(problem.contains("enough for 1000"))
    #expect(problem.contains("ulimit -n 1101"))
  }

  @Test func `Too few ports are named with how many addresses are needed`() throws {
    var preflight = usual
    preflight.descriptorLimit = nil
    preflight.sockets = 28_233
    let problem = try #require(preflight.problem)
    #expect(problem.contains("more than the 28232 that 1 local address can have to 1 target"))
    #expect(problem.contains("from 2 local addresses"))
    #expect(problem.contains("net.ipv4.ip_local_port_range"))
    preflight.sockets = 1_000_000
    preflight.targets = 2
    preflight.localAddresses = 3
    let larger = try #require(preflight.problem)
    #expect(larger.contains("169392 that 3 local addresses can have to 2 targets"))
    #expect(larger.contains("from 18 local addresses"))
  }

  @Test func `The range of ports is two numbers`() {
    #expect(SocketPreflight.parsePorts("32768\t60999\n") == 32_768...60_999)
    for text in ["", "1", "a b", "9 1", "1 2 3", "1 70000"] {
      #expect(SocketPreflight.parsePorts(text) == nil)
    }
  }

  @Test func `The system says what it allows`() throws {
    let limits = SystemLimits.read()
    #expect(limits.descriptors ?? 1 > 0)
    #if os(Linux)
      #expect(limits.ports != nil)
    #endif
  }
}
