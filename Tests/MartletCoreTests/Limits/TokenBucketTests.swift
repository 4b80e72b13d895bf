import MartletCore
import MartletTestSupport
import Testing

@Suite struct TokenBucketTests {
  @Test func `A full bucket gives its burst at once, and then one token per part of the period`() {
    var bucket = TokenBucket(count: 4, per: .seconds(1), burst: 3)
    let start = Duration.seconds(1_000)
    for _ in 0..<3 { #expect(bucket.take(now: start) == nil) }
    #expect(bucket.take(now: start) == .milliseconds(250))
    #expect(bucket.take(now: start + .milliseconds(100)) == .milliseconds(150))
    #expect(bucket.take(now: start + .milliseconds(250)) == nil)
    #expect(bucket.take(now: start + .milliseconds(250)) == .milliseconds(250))
  }

  @Test func `The time that it names is enough, and a microsecond less is not`() {
    // Three tokens in 10 ms: parts of a microsecond.
    var bucket = TokenBucket(count: 3, per: .milliseconds(10), burst: 1)
    #expect(bucket.take(now: .zero) == nil)
    let wait = Duration.microseconds(3_334)
    #expect(bucket.take(now: .zero) == wait)
    #expect(bucket.take(now: wait - .microseconds(1)) == .microseconds(1))
    #expect(bucket.take(now: wait) == nil)
  }

  @Test func `It never holds more than its burst`() {
    var bucket = TokenBucket(count: 10, per: .seconds(1), burst: 5)
    #expect(bucket.take(now: .zero) == nil)
    let later = Duration.seconds(1_000_000)
    for _ in 0..<5 { #expect(bucket.take(now: later) == nil) }
    #expect(bucket.take(now: later) != nil)
  }

  @Test(arguments: [(7, 1), (3, 10), (100, 60), (999_983, 86_400)])
  func `However often it is asked, it neither wins nor loses tokens`(count: Int, seconds: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var bucket = TokenBucket(count: count, per: .seconds(seconds), burst: 1)
    var now = Duration.seconds(5)
    _ = bucket.take(now: now)
    let start = now
    var taken = 0
    // As soon as there is one, after asking in vain any number of times.
    while taken < 5_000 {
      guard let wait = bucket.take(now: now) else {
        taken += 1
        continue
      }
      now += Bool.random(using: &random) ? wait : .microseconds(wait.microseconds / 3)
      if wait.microseconds < 3 { now += .microseconds(1) }
    }
    let exact = Double(taken) * Double(seconds) * 1e6 / Double(count)
    let elapsed = Double((now - start).microseconds)
    #expect(elapsed >= exact - 1, "seed \(seed)")
    // With a burst of one, a token is lost only while nobody has asked for it; here never for longer than a microsecond each.
    #expect(elapsed <= exact + 2 * Double(taken), "seed \(seed)")
  }

  @Test func `A clock that goes backwards brings nothing, and stops nothing`() {
    var bucket = TokenBucket(count: 1, per: .seconds(1), burst: 1)
    #expect(bucket.take(now: .seconds(1_000)) == nil)
    #expect(bucket.take(now: .seconds(10)) == .seconds(1))
    #expect(bucket.take(now: .seconds(11)) == nil)
  }

  @Test func `A clock that leaps fills the bucket, and no more`() {
    for leap in [Duration.seconds(1 << 40), .seconds(Int64.max)] {
      var bucket = TokenBucket(count: 1_000_000, per: .seconds(86_400), burst: 2)
      #expect(bucket.take(now: .seconds(Int64.min)) == nil)
      #expect(bucket.take(now: .zero) == nil)
      #expect(bucket.take(now: leap) == nil && bucket.take(now: leap) == nil)
      #expect(bucket.take(now: leap) != nil)
    }
  }

  @Test func `The largest numbers fit`() {
    var bucket = TokenBucket(count: 1_000_000, per: .seconds(86_400), burst: 1_000_000)
    for _ in 0..<1_000_000 where bucket.take(now: .zero) != nil { Issue.record("too early") }
    #expect(bucket.take(now: .zero) == .microseconds(86_400))
    #expect(bucket.take(now: .microseconds(86_400)) == nil)
  }
}

extension Duration {
  fileprivate var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
