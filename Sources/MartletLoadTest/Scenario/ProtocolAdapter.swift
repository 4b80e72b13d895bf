/// How to speak to a WebSocket server that is not Martlet: templates of what is sent, and where things are in what comes.
///
/// In templates `{group}` and `{client}` are numbers. A publication's *mark* is a text without characters that JSON escapes:
/// `martlet:RUN:PUBLISHER:SEQUENCE:INTENDED:RETRY:` and padding.
package struct ProtocolAdapter: Sendable, Equatable, Codable {
  /// Where a value is in a JSON message: keys from the outermost in, as in `data.body`.
  package typealias KeyPath = [String]

  /// A message of which the value at a key is a text.
  package struct Pattern: Sendable, Equatable, Codable {
    package var key: KeyPath
    package var equals: String

    package init(key: KeyPath, equals: String) {
      self.key = key
      self.equals = equals
    }
  }

  /// Who gets a publication.
  package enum Audience: String, Sendable, CaseIterable, Codable {
    /// Everybody in the group, its publisher included.
    case group
    /// Everybody in the group but its publisher.
    case others
    /// Only its publisher: an echo server.
    case publisher

    /// Whether `member` gets what `publisher` publishes in the group of both.
    func includes(_ member: Int, of publisher: Int) -> Bool {
      switch self {
      case .group: true
      case .others: member != publisher
      case .publisher: member == publisher
      }
    }
  }

  /// Sent when the connection is open; nil: the path is enough.
  package var join: String?
  /// The answer that completes a join; nil: it is complete at once.
  package var joined: Pattern?
  /// What publishes; `{mark}` becomes the mark, `{ref}` the sequence number.
  package var publish: String
  /// Where the mark is in a delivery; nil: anywhere in the message.
  package var mark: KeyPath?
  /// The answer that acknowledges a publication; nil: there is none, and a delivery anywhere is taken for one.
  package var acknowledgement: Pattern?
  /// Where the sequence number is in an acknowledgement.
  package var acknowledgedSequence: KeyPath = ["ref"]
  package var audience = Audience.group

  package init(publish: String) {
    self.publish = publish
  }
}
