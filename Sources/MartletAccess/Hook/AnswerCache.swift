/// Answers of the access hook that may be used again, at most so many: the one that was not used for longest goes first.
/// A value: time is an argument.
struct AnswerCache {
  private struct Entry {
    var key: QuestionKey
    var answer: AccessAnswer
    var expires: ContinuousClock.Instant
    /// Places in ``entries``; ``none`` at the ends.
    var newer: Int
    var older: Int
  }

  private static let none = -1

  private let capacity: Int
  private var places: [QuestionKey: Int] = [:]
  private var entries: [Entry] = []
  private var newest = none
  private var oldest = none

  init(capacity: Int) {
    self.capacity = capacity
  }

  var count: Int { entries.count }

  /// An answer that has not expired.
  mutating func answer(for key: QuestionKey, now: ContinuousClock.Instant) -> AccessAnswer? {
    guard let place = places[key], entries[place].expires > now else { return nil }
    unlink(place)
    linkAsNewest(place)
    return entries[place].answer
  }

  /// Keeps `answer` for `ttl`, instead of an earlier one.
  mutating func keep(
    _ answer: AccessAnswer, for key: QuestionKey, ttl: Duration, now: ContinuousClock.Instant
  ) {
    guard capacity > 0, ttl > .zero else { return }
    let place: Int
    if let known = places[key] {
      place = known
      unlink(place)
    } else if entries.count < capacity {
      place = entries.count
      entries.append(
        Entry(key: key, answer: answer, expires: now, newer: Self.none, older: Self.none))
    } else {
      place = oldest
      unlink(place)
      places[entries[place].key] = nil
    }
    entries[place].key = key
    entries[place].answer = answer
    entries[place].expires = now + ttl
    places[key] = place
    linkAsNewest(place)
  }

  private mutating func unlink(_ place: Int) {
    let (newer, older) = (entries[place].newer, entries[place].older)
    if newer == Self.none { newest = older } else { entries[newer].older = older }
    if older == Self.none { oldest = newer } else { entries[older].newer = newer }
  }

  private mutating func linkAsNewest(_ place: Int) {
    entries[place].newer = Self.none
    entries[place].older = newest
    if newest == Self.none { oldest = place } else { entries[newest].newer = place }
    newest = place
  }
}
