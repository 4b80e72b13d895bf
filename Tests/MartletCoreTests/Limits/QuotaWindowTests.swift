import MartletCore
import MartletTestSupport
import Testing

@Suite struct QuotaWindowTests {
  @Test func `As many as the quota says, and the next when the first is a period old`() {
    let quota = Quota(count: 3, per: .seconds(60))
    var window = QuotaWindow()
    for second in [0, 10, 20] { #expect(window.spend(quota, now: .seconds(second)) == nil) }
    #expect(window.spend(quota, now: .seconds(30)) == .seconds(30))
    #expect(window.spend(quota, now: .seconds(60) - .microseconds(1)) == .microseconds(1))
    #expect(window.spend(quota, now: .seconds(60)) == nil)
    #expect(window.spend(quota, now: .seconds(60)) == .seconds(10))
  }

  @Test(arguments: [1, 2, 7, 100])
  func `In no stretch of a period are there more, and none is refused that could be allowed`(
    count: Int
  ) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let quota = Quota(count: count, per: .milliseconds(100))
    var window = QuotaWindow()
    var allowed: [Duration] = []
    var now = Duration.seconds(1)
    for _ in 0..<5_000 {
      now += .microseconds(Int.random(in: 0...(200_000 / count), using: &random))
      let recent = allowed.count { $0 > now - quota.period }
      let wait = window.spend(quota, now: now)
      #expect((wait == nil) == (recent < count), "seed \(seed)")
      if wait == nil { allowed.append(now) }
      if let wait { #expect(wait > .zero && wait <= quota.period, "seed \(seed)") }
      if allowed.count > 4 * count { allowed.removeFirst(2 * count) }
    }
  }

  @Test func `A clock that goes backwards makes nobody wait longer than a period`() {
    let quota = Quota(count: 1, per: .seconds(60))
    var window = QuotaWindow()
    #expect(window.spend(quota, now: .seconds(1_000)) == nil)
    #expect(window.spend(quota, now: .seconds(10)) == nil)
    #expect(window.spend(quota, now: .seconds(11)) == .seconds(59))
  }

  @Test func `A window is over when its newest publication is a period old`() {
    let quota = Quota(count: 2, per: .seconds(60))
    var window = QuotaWindow()
    #expect(window.isOver(quota.period, now: .zero))
    for second in [0, 10, 65] { #expect(window.spend(quota, now: .seconds(second)) == nil) }
    #expect(!window.isOver(quota.period, now: .seconds(124)))
    #expect(window.isOver(quota.period, now: .seconds(125)))
  }
}
