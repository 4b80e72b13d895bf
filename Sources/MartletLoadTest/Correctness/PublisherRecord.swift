/// What a publisher says at the end of a run.
struct PublisherRecord: Sendable, Equatable, Codable {
  /// Of the client.
  var number: Int
  /// Publications that became due: sequences below.
  var due: UInt32
  /// Those of them that never were acknowledged, sent or not.
  var unacknowledged: SequenceSet
  /// Those of these that the server refused for good.
  var rejected = SequenceSet()
  /// It has left for good, with whatever was under way: that has no acknowledgement to be missed.
  var hasLeft = false

  /// Whether something ought to have been acknowledged.
  var isOpen: Bool { !hasLeft && !unacknowledged.isEmpty }

  /// Whether something may be acknowledged still.
  var isAwaitingAnswers: Bool { !hasLeft && !unacknowledged.subtracting(rejected).isEmpty }
}

/// What was published, after everybody has said which of the publications without acknowledgement they have seen.
struct PublishedRecord: Sendable, Equatable, Codable {
  var number: Int
  var due: UInt32
  /// Neither acknowledged nor seen by any member.
  var unpublished: SequenceSet

  init(_ record: PublisherRecord, witnessed: SequenceSet) {
    number = record.number
    due = record.due
    unpublished = record.unacknowledged.subtracting(witnessed)
  }
}
