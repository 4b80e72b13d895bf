internal import NIOCore

/// How clients of one behaviour and their server speak. A value; parsing neither keeps nor copies what it is given.
enum MessageFormat: Sendable {
  case martlet(EventTemplate?, MartletMessages)
  case adapted(AdaptedMessages)

  /// What a client sends when its connection is open; nil: nothing.
  func joinMessage(client: Int, group: Int) -> ByteBuffer? {
    switch self {
    case .martlet: nil
    case .adapted(let messages): messages.joinMessage(client: client, group: group)
    }
  }

  /// Whether a client is a member as soon as its connection is open and ``joinMessage(client:group:)`` is sent.
  var joinsByItself: Bool {
    switch self {
    case .martlet: false
    case .adapted(let messages): messages.joinsByItself
    }
  }

  /// What acknowledges a publication to its publisher.
  enum Acknowledgement {
    case message
    /// There is none: it comes back, or is sent, and that is all.
    case ownDelivery
    case none
  }

  var acknowledgement: Acknowledgement {
    switch self {
    case .martlet: .message
    case .adapted(let messages): messages.acknowledgementKind
    }
  }

  /// Appends what publishes `publication`.
  func write(_ publication: Publication, size: Int, group: Int, into buffer: inout ByteBuffer) {
    switch self {
    case .martlet(let template, _): template?.write(publication, size: size, into: &buffer)
    case .adapted(let messages):
      messages.write(publication, size: size, group: group, into: &buffer)
    }
  }

  /// - Throws: ``MalformedJSON`` if it cannot be read.
  func parse(_ bytes: Span<UInt8>) throws(MalformedJSON) -> ServerMessage {
    switch self {
    case .martlet(_, let messages): try messages.parse(bytes)
    case .adapted(let messages): try messages.parse(bytes)
    }
  }
}
