import NIOCore
import Testing

@testable import MartletGateway

@Suite struct LivenessTests {
  private func check(_ liveness: inout Liveness, _ seconds: Int64) -> Liveness.Action {
    liveness.check(
      now: .uptimeNanoseconds(0) + .seconds(seconds), interval: .seconds(25), timeout: .seconds(20))
  }

  @Test func `A silent peer is asked once, and ended if it does not answer`() {
    var liveness = Liveness(now: .uptimeNanoseconds(0))
    #expect(check(&liveness, 25) == .nothing)
    #expect(check(&liveness, 26) == .ping)
    #expect(check(&liveness, 46) == .nothing)
    #expect(check(&liveness, 47) == .end)
  }

  @Test func `Nobody ends who was not asked, however late that is looked at`() {
    var liveness = Liveness(now: .uptimeNanoseconds(0))
    #expect(check(&liveness, 900) == .ping)
    #expect(check(&liveness, 910) == .nothing)
    liveness.heard(now: .uptimeNanoseconds(0) + .seconds(911))
    #expect(check(&liveness, 936) == .nothing)
    #expect(check(&liveness, 937) == .ping)
  }
}
