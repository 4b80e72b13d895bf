import NIOCore

/// Writes the events of a run: everything that stays the same is rendered once.
///
/// ```json
/// {"type":"load","ref":5,"idempotency_id":"1f2e3d4c-17-5",
///  "load":{"run":"1f2e3d4c","publisher":17,"sequence":5,"intended":5017000000,"retry":0},"pad":"xx"}
/// ```
///
/// `intended` is in nanoseconds since the run phase began. `retry` is 1 when the publication is sent
/// again after an `unavailable` error: only then may later ones of its publisher have overtaken it.
struct EventTemplate: Sendable {
  /// One publication as the template needs it.
  struct Publication: Sendable, Equatable {
    var publisher: Int
    var sequence: UInt32
    var intended: UInt64
    var isRetry: Bool
  }

  private let type: String
  private let run: String
  private let size: Int
  /// Bytes of an event without its padding, in the worst case of this run.
  let smallestSize: Int

  private static let afterRun = "\",\"publisher\":"
  private static let afterPublisher = ",\"sequence\":"
  private static let afterSequence = ",\"intended\":"
  private static let afterIntended = ",\"retry\":"
  private static let afterRetry = "},\"pad\":\""
  private static let end = "\"}"

  /// The bytes that do not depend on the publication.
  private let constantLength: Int

  init(_ settings: LoadTestSettings, run: RunIdentifier) {
    type = "{\"type\":\"\(settings.eventType)\""
    self.run = run.text
    size = settings.size
    let constant =
      type + Self.beforeRun + self.run + Self.afterRun + Self.afterPublisher + Self.afterSequence
      + Self.afterIntended + Self.afterRetry + Self.end
    constantLength = constant.utf8.count
    let sequences = max(
      1, (settings.rate * Double(settings.duration.nanoseconds) / 1e9).rounded(.up))
    smallestSize =
      constantLength + Self.digits(UInt64(max(0, settings.clients - 1)))
      + Self.digits(UInt64(min(sequences, 4e9))) + Self.digits(settings.duration.nanoseconds) + 1
  }

  private static let beforeRun = ",\"load\":{\"run\":\""

  /// Appends the text of one client message to `buffer`.
  func write(_ publication: Publication, into buffer: inout ByteBuffer) {
    let publisher = String(publication.publisher)
    let sequence = String(publication.sequence)
    let intended = String(publication.intended)
    buffer.writeString(type)
    buffer.writeString(",\"ref\":")
    buffer.writeString(sequence)
    buffer.writeString(",\"idempotency_id\":\"")
    buffer.writeString(run)
    buffer.writeString("-")
    buffer.writeString(publisher)
    buffer.writeString("-")
    buffer.writeString(sequence)
    buffer.writeString("\"")
    buffer.writeString(Self.beforeRun)
    buffer.writeString(run)
    buffer.writeString(Self.afterRun)
    buffer.writeString(publisher)
    buffer.writeString(Self.afterPublisher)
    buffer.writeString(sequence)
    buffer.writeString(Self.afterSequence)
    buffer.writeString(intended)
    buffer.writeString(Self.afterIntended)
    buffer.writeString(publication.isRetry ? "1" : "0")
    buffer.writeString(Self.afterRetry)
    let length =
      constantLength + publisher.utf8.count + sequence.utf8.count + intended.utf8.count + 1
    buffer.writeRepeatingByte(UInt8(ascii: "x"), count: max(0, size - length))
    buffer.writeString(Self.end)
  }

  private static func digits(_ number: UInt64) -> Int { String(number).utf8.count }
}
