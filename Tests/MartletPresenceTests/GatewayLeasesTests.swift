import Testing

@testable import MartletPresence

@Suite("Gateway leases")
struct GatewayLeasesTests {
  var leases = GatewayLeases(lease: .seconds(6), allowance: .zero)

  private mutating func look(
    _ seconds: Double, _ renewals: [String: Int64], known: [String] = []
  ) -> [String: Int64?] {
    leases.observe(renewals: renewals, known: known, now: .seconds(seconds))
  }

  @Test("a gateway is dead when it has not renewed for a lease, and not before")
  mutating func expiry() {
    for second in 0..<6 { #expect(look(Double(second), ["g": 3, "h": Int64(second)]) == [:]) }
    #expect(look(6, ["g": 3, "h": 6]) == ["g": 3])
  }

  @Test("a gateway that has reported but is not registered is dead after a lease")
  mutating func unregistered() {
    for second in 0..<6 { #expect(look(Double(second), [:], known: ["g"]) == [:]) }
    #expect(look(6, [:], known: ["g"]) == ["g": nil])
  }

  @Test("time in which nobody looked counts for a moment only")
  mutating func blindness() {
    #expect(look(0, ["g": 1]) == [:])
    #expect(look(1_000, ["g": 1]) == [:])
    #expect(look(-1_000, ["g": 1]) == [:])
    for second in 1..<5 { #expect(look(Double(second) - 1_000, ["g": 1]) == [:]) }
    #expect(look(-995, ["g": 1]) == ["g": 1])
  }

  @Test("after an outage everybody has longer")
  mutating func allowance() {
    leases = GatewayLeases(lease: .seconds(1), allowance: .seconds(5))
    for second in 0..<6 { #expect(look(Double(second), ["g": 1]) == [:]) }
    #expect(look(6, ["g": 1]) == ["g": 1])
  }
}
