internal import MartletCore

/// What is said to the application's back end and what it answers (docs/protocol.md, Access hook).
enum HookMessage {
  /// The most bytes that an answer may have.
  static let maximumAnswerSize = 16 << 10
  /// No answer is kept for longer, whatever it says.
  static let maximumTTL = Duration.seconds(3_600)
  /// In bytes; the rest is cut.
  private static let maximumReasonLength = 200
  /// In bytes.
  private static let maximumNameLength = 256

  /// An answer, and for how long it is good.
  struct Answer: Equatable {
    var answer: AccessAnswer
    var ttl: Duration
  }

  /// A JSON object.
  static func body(_ question: AccessQuestion) -> [UInt8] {
    let subject = question.subject
    var text = #"{"event":"\#(question.event.rawValue)","connection_id":"#
    text += JSONText.quoted(subject.connectionID) + #","user":"# + subject.user.json
    if let tenant = subject.tenant { text += #","tenant":"# + JSONText.quoted(tenant.rawValue) }
    if let address = subject.remoteAddress { text += #","ip":"# + JSONText.quoted(address) }
    text += #","route":"# + JSONText.quoted(question.route)
    if let group = question.group { text += #","group":"# + JSONText.quoted(String(group.name)) }
    if let publication = question.publication {
      text += #","type":"# + JSONText.quoted(publication.type)
      text += #","publication":"# + publication.event
    }
    if let claims = subject.claimsText { text += #","claims":"# + claims }
    return Array((text + "}").utf8)
  }

  /// Nil: no answer that can be understood.
  static func answer(_ body: [UInt8], to event: AccessEvent) -> Answer? {
    guard let members = try? JSONValueReader.object(body),
      case .bool(let allows)? = members["allow"], let ttl = ttl(members["ttl"])
    else { return nil }
    guard allows else {
      var reason: String?
      if case .string(let text)? = members["reason"] { reason = cut(text) }
      return Answer(answer: .denied(reason: reason), ttl: ttl)
    }
    guard event == .connect else { return Answer(answer: .allowed, ttl: ttl) }
    var identity = AccessAnswer.Identity()
    switch members["user"] {
    case nil, .null: break
    case .string(let id) where User.isID(id): identity.userID = id
    default: return nil
    }
    switch members["name"] {
    case nil, .null: break
    case .string(let name) where name.utf8.count <= maximumNameLength: identity.name = name
    default: return nil
    }
    return Answer(answer: .allowed(identity), ttl: ttl)
  }

  private static func ttl(_ value: JSONValue?) -> Duration? {
    switch value {
    case nil, .null: .zero
    case .number(let seconds) where seconds >= 0:
      min(maximumTTL, .seconds(min(seconds, 86_400)))
    default: nil
    }
  }

  private static func cut(_ text: String) -> String {
    var text = text
    while text.utf8.count > maximumReasonLength { text.removeLast() }
    return text
  }
}
