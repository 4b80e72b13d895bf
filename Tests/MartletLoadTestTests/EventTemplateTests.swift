import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct EventTemplateTests {
  private func publishing() -> Publishing { Publishing(gap: .constant(.milliseconds(100))) }

  @Test func `An event has exactly the asked size without ref and idempotency_id`() {
    let smallest = EventSize.smallest(
      publishing(), EventSize.Digits(clients: 2, publications: 9, nanoseconds: 999_999_999))
    let template = EventTemplate(publishing(), run: .example)
    for extra in [0, 1, 40, 5000] {
      for sequence in [UInt32(0), 9] {
        var buffer = ByteBuffer()
        template.write(
          Publication(publisher: 1, sequence: sequence, intended: 999_999_999, isRetry: false),
          size: smallest + extra, into: &buffer)
        let text = String(buffer: buffer)
        let event = text.replacing(
          ",\"ref\":\(sequence),\"idempotency_id\":\"00000000-1-\(sequence)\"", with: "")
        #expect(event.utf8.count == smallest + extra)
        #expect(event != text)
      }
    }
  }

  @Test func `What a template writes is what the messages' reader reads`() throws {
    var publishing = publishing()
    publishing.fields = #""message":"hello","load2":{"run":"x"}"#
    let template = EventTemplate(publishing, run: .example)
    var buffer = ByteBuffer()
    let publication = Publication(
      publisher: 3, sequence: 17, intended: 123_456_789, isRetry: true)
    template.write(publication, size: 300, into: &buffer)
    #expect(String(buffer: buffer).hasSuffix(#","message":"hello","load2":{"run":"x"}}"#))
    let message = try MartletMessages(run: .example).parse(buffer.readableBytesUInt8Span)
    #expect(message == .publication(publication, offset: nil, epoch: nil))
  }

  @Test func `An ephemeral event asks for no acknowledgement`() {
    var publishing = publishing()
    publishing.isEphemeral = true
    var buffer = ByteBuffer()
    EventTemplate(publishing, run: .example).write(
      Publication(publisher: 3, sequence: 17, intended: 1, isRetry: false), size: 0, into: &buffer)
    let text = String(buffer: buffer)
    #expect(!text.contains("ref") && !text.contains("idempotency_id"))
    #expect(text.contains(#""publisher":3,"sequence":17"#))
  }
}
