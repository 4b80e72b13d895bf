import Testing

@testable import MartletAccess

@Suite struct CircuitBreakerTests {
  /// A circuit with the times of a test, in seconds from its start.
  private final class Timeline {
    private let start = ContinuousClock.now
    private var breaker = CircuitBreaker(failureLimit: 3, openDuration: .seconds(5))

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    var state: CircuitBreaker.State { breaker.state }
    var openings: Int { breaker.openings }
    func isOpen(until seconds: Double) -> Bool { breaker.state == .open(until: at(seconds)) }
    func admit(_ seconds: Double) -> CircuitBreaker.Permit? { breaker.admit(now: at(seconds)) }
    func succeed(_ permit: CircuitBreaker.Permit) { breaker.succeeded(permit) }

    func fail(_ permit: CircuitBreaker.Permit, _ seconds: Double) {
      breaker.failed(permit, now: at(seconds))
    }

    /// One question that fails at once.
    func fail(_ seconds: Double) throws { fail(try #require(admit(seconds)), seconds) }

    /// One question that is answered at once.
    func succeed(_ seconds: Double) throws { succeed(try #require(admit(seconds))) }
  }

  private let circuit = Timeline()

  @Test func `Failures in a row open it, others do not`() throws {
    try circuit.fail(0)
    try circuit.fail(0)
    try circuit.succeed(0)
    #expect(circuit.state == .closed(failures: 0))
    try circuit.fail(1)
    try circuit.fail(1)
    #expect(circuit.state == .closed(failures: 2) && circuit.openings == 0)
    try circuit.fail(1)
    #expect(circuit.isOpen(until: 6) && circuit.openings == 1)
    #expect(circuit.admit(5.9) == nil)
  }

  @Test func `After its time one question tries again, and closes it`() throws {
    for _ in 0..<3 { try circuit.fail(0) }
    let probe = try #require(circuit.admit(5))
    #expect(circuit.state == .halfOpen)
    #expect(circuit.admit(5) == nil && circuit.admit(500) == nil)
    circuit.succeed(probe)
    #expect(circuit.state == .closed(failures: 0))
    #expect(circuit.admit(6) != nil && circuit.admit(6) != nil)
  }

  @Test func `A failed try opens it again for as long`() throws {
    for _ in 0..<3 { try circuit.fail(0) }
    circuit.fail(try #require(circuit.admit(7)), 8)
    #expect(circuit.isOpen(until: 13) && circuit.openings == 2)
  }

  @Test func `Questions of before it opened tell nothing about what is now`() throws {
    let early = try (0..<4).map { _ in try #require(circuit.admit(0)) }
    for _ in 0..<3 { try circuit.fail(0) }
    circuit.fail(early[0], 3)
    circuit.succeed(early[1])
    #expect(circuit.isOpen(until: 5) && circuit.openings == 1)
    let probe = try #require(circuit.admit(5))
    circuit.succeed(early[2])
    circuit.fail(early[3], 5)
    #expect(circuit.state == .halfOpen)
    circuit.succeed(probe)
    #expect(circuit.state == .closed(failures: 0))
    circuit.fail(early[0], 6)
    #expect(circuit.state == .closed(failures: 0))
  }
}
