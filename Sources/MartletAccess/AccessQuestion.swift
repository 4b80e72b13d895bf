internal import Crypto
package import MartletCore

/// What the application's back end may be asked about (docs/protocol.md, Access hook).
package struct AccessQuestion: Sendable {
  /// An event that a client wants to publish.
  package struct Publication: Sendable {
    package var type: String
    /// JSON.
    package var event: String

    package init(type: String, event: String) {
      self.type = type
      self.event = event
    }
  }

  package let event: AccessEvent
  package let subject: AccessSubject
  /// The route's pattern.
  package let route: String
  /// Nil for `connect`.
  package let group: GroupName?
  /// Of `publish` only.
  package let publication: Publication?
  /// Whether the route wants it to be asked at all.
  let isAsked: Bool

  private init(
    _ event: AccessEvent, _ subject: AccessSubject, _ route: Route, group: GroupName?,
    publication: Publication? = nil
  ) {
    self.event = event
    self.subject = subject
    self.route = route.path.text
    self.group = group
    self.publication = publication
    isAsked = route.access.hookEvents.contains(event)
  }

  /// May the client be here at all, and who is it?
  package static func connect(_ subject: AccessSubject, _ route: Route) -> AccessQuestion {
    AccessQuestion(.connect, subject, route, group: nil)
  }

  /// May it become a member of the group?
  package static func join(
    _ subject: AccessSubject, _ route: Route, _ group: GroupName
  ) -> AccessQuestion {
    AccessQuestion(.join, subject, route, group: group)
  }

  /// May it publish the event in the group?
  package static func publish(
    _ subject: AccessSubject, _ route: Route, _ group: GroupName, _ publication: Publication
  ) -> AccessQuestion {
    AccessQuestion(.publish, subject, route, group: group, publication: publication)
  }
}

/// Which questions are the same: a digest, so that what is kept of a question has a fixed size.
struct QuestionKey: Hashable, Sendable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Of questions that one kept answer is for: alike in all but the connection of a known user and the content of the
  /// event that is published.
  static func answer(_ question: AccessQuestion) -> QuestionKey {
    QuestionKey(question, content: nil)
  }

  /// Of questions that are asked once for all who ask at the same time: alike in content as well.
  static func asked(_ question: AccessQuestion) -> QuestionKey {
    QuestionKey(question, content: question.publication?.event)
  }

  private init(_ question: AccessQuestion, content: String?) {
    let subject = question.subject
    var hash = SHA256()
    // Each with its length, so that no two lists of parts look alike.
    for part in [
      question.event.rawValue, subject.user.id, subject.user.name, subject.tenant?.rawValue,
      subject.claimsText, subject.remoteAddress, question.route, question.group?.rawValue,
      question.publication?.type, content,
    ] {
      let length = part.map { UInt64($0.utf8.count) } ?? .max
      hash.update(data: (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) })
      if let part { hash.update(data: Array(part.utf8)) }
    }
    let digest = Array(hash.finalize())
    func word(_ index: Int) -> UInt64 {
      digest[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
    words = (word(0), word(1), word(2), word(3))
  }

  static func == (left: QuestionKey, right: QuestionKey) -> Bool { left.words == right.words }

  func hash(into hasher: inout Hasher) {
    // Any part of a digest is as good as the whole.
    hasher.combine(words.0)
  }
}
