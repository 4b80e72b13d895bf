internal import NIOCore

/// Writes the events of one behaviour in Martlet's protocol: everything that stays the same is rendered once.
///
/// ```json
/// {"type":"load","ref":5,"idempotency_id":"1f2e3d4c-17-5",
///  "load":{"run":"1f2e3d4c","publisher":17,"sequence":5,"intended":5017000000,"retry":0},"pad":"xx"}
/// ```
///
/// `intended` is in nanoseconds since the run began. `retry` is 1 when the publication is sent again after an `unavailable`
/// error: only then may later ones of its publisher have overtaken it. Ephemeral events have neither `ref` nor `idempotency_id`.
struct EventTemplate: Sendable {
  /// The bytes before, between and after the numbers.
  private let head: String
  private let beforeIdempotency: String
  private let beforeRun: String
  private let end: String
  private let run: String
  private let isEphemeral: Bool
  /// The bytes of an event without its numbers and padding, as ``Publishing/size`` counts them.
  private let constantLength: Int

  private static let afterRun = "\",\"publisher\":"
  private static let afterPublisher = ",\"sequence\":"
  private static let afterSequence = ",\"intended\":"
  private static let afterIntended = ",\"retry\":"

  init(_ publishing: Publishing, run: RunIdentifier) {
    self.run = run.text
    isEphemeral = publishing.isEphemeral
    head = "{\"type\":\"\(publishing.type)\""
    beforeIdempotency = ",\"idempotency_id\":\"\(run.text)-"
    beforeRun = ",\"load\":{\"run\":\"\(run.text)"
    let fields = publishing.fields.isEmpty ? "" : ",\(publishing.fields)"
    end = "\"\(fields)}"
    let constants = [
      head, beforeRun, Self.afterRun, Self.afterPublisher, Self.afterSequence,
      Self.afterIntended, Self.beforePad, end,
    ]
    constantLength = constants.reduce(0) { $0 + $1.utf8.count }
  }

  private static let beforePad = "},\"pad\":\""

  /// Appends the text of one client message to `buffer`.
  ///
  /// - Parameter size: in bytes of the event, without `ref` and `idempotency_id`; a smaller event is padded.
  func write(_ publication: Publication, size: Int, into buffer: inout ByteBuffer) {
    let publisher = String(publication.publisher)
    let sequence = String(publication.sequence)
    let intended = String(publication.intended)
    buffer.writeString(head)
    if !isEphemeral {
      buffer.writeString(",\"ref\":")
      buffer.writeString(sequence)
      buffer.writeString(beforeIdempotency)
      buffer.writeString(publisher)
      buffer.writeString("-")
      buffer.writeString(sequence)
      buffer.writeString("\"")
    }
    buffer.writeString(beforeRun)
    buffer.writeString(Self.afterRun)
    buffer.writeString(publisher)
    buffer.writeString(Self.afterPublisher)
    buffer.writeString(sequence)
    buffer.writeString(Self.afterSequence)
    buffer.writeString(intended)
    buffer.writeString(Self.afterIntended)
    buffer.writeString(publication.isRetry ? "1" : "0")
    buffer.writeString(Self.beforePad)
    let length =
      constantLength + publisher.utf8.count + sequence.utf8.count + intended.utf8.count + 1
    buffer.writeRepeatingByte(UInt8(ascii: "x"), count: max(0, size - length))
    buffer.writeString(end)
  }
}
