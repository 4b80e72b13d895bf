import MartletTestSupport
import Testing

@testable import MartletAccess

@Suite struct AnswerCacheTests {
  private let start = ContinuousClock.now

  private func key(_ number: Int) throws -> QuestionKey { .answer(Example.join("u\(number)")) }

  private func answer(_ number: Int) -> AccessAnswer { .denied(reason: "\(number)") }

  @Test func `An answer is good for its time`() throws {
    var cache = AnswerCache(capacity: 2)
    let key = try key(1)
    cache.keep(answer(1), for: key, ttl: .seconds(5), now: start)
    let before = cache.answer(for: key, now: start + .seconds(4.999))
    let after = cache.answer(for: key, now: start + .seconds(5))
    #expect(before == answer(1) && after == nil)
  }

  @Test func `A later answer replaces an earlier one`() throws {
    var cache = AnswerCache(capacity: 2)
    let key = try key(1)
    cache.keep(answer(1), for: key, ttl: .seconds(5), now: start)
    cache.keep(answer(2), for: key, ttl: .seconds(50), now: start)
    let kept = cache.answer(for: key, now: start + .seconds(6))
    #expect(kept == answer(2) && cache.count == 1)
  }

  @Test func `Without a time nothing is kept, nor without room`() throws {
    var cache = AnswerCache(capacity: 2)
    cache.keep(answer(1), for: try key(1), ttl: .zero, now: start)
    var none = AnswerCache(capacity: 0)
    none.keep(answer(1), for: try key(1), ttl: .seconds(5), now: start)
    #expect(cache.count == 0 && none.count == 0)
  }

  @Test func `It does what a simple list of the last used would do`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    let keys = try (0..<12).map { try key($0) }
    for capacity in [1, 2, 5] {
      var cache = AnswerCache(capacity: capacity)
      var list: [(index: Int, answer: AccessAnswer, expires: ContinuousClock.Instant)] = []
      var now = start
      for step in 0..<3_000 {
        now += .seconds(Double.random(in: 0...1, using: &generator))
        let index = Int.random(in: keys.indices, using: &generator)
        let place = list.firstIndex { $0.index == index }
        if Bool.random(using: &generator) {
          let kept = cache.answer(for: keys[index], now: now)
          var expected: AccessAnswer?
          if let place, list[place].expires > now {
            expected = list[place].answer
            list.append(list.remove(at: place))
          }
          #expect(kept == expected, "step \(step), seed \(seed)")
        } else {
          let ttl = Duration.seconds(Double.random(in: 0.1...20, using: &generator))
          cache.keep(answer(step), for: keys[index], ttl: ttl, now: now)
          if let place { list.remove(at: place) }
          if list.count == capacity { list.removeFirst() }
          list.append((index, answer(step), now + ttl))
        }
        #expect(cache.count == list.count && cache.count <= capacity, "step \(step), seed \(seed)")
      }
    }
  }
}
