import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// Autobahn's list of cases 12 and 13, in both directions. Instead of 1,000 messages a case has as many as
/// make a quarter of a mebibyte.
@Suite struct AutobahnCompressionTests {
  private static let bytesPerCase = 1 << 18

  @Test("Autobahn 12: different content", arguments: AutobahnCompressionCase.contents)
  func content(autobahn: AutobahnCompressionCase) throws {
    try exchange(autobahn)
  }

  @Test("Autobahn 13: different parameters", arguments: AutobahnCompressionCase.parameters)
  func parameters(autobahn: AutobahnCompressionCase) throws {
    try exchange(autobahn)
  }

  private func exchange(_ autobahn: AutobahnCompressionCase) throws {
    let configuration = PermessageDeflate.Configuration(
      serverNoContextTakeover: false, clientNoContextTakeover: false)
    let agreement = try #require(
      try PermessageDeflate.negotiate(autobahn.field, configuration))
    let parameters = agreement.parameters
    let offer = try #require(autobahn.offers.first)
    #expect(try offer.parameters(answeredBy: agreement.response) == parameters)
    let count = max(
      2, min(AutobahnCompressionCase.messageCount, Self.bytesPerCase / autobahn.size))
    for sender in WebSocketRole.both {
      let compressor = DeflateCompressor(parameters, of: sender)
      let wire = (0..<count).flatMap { autobahn.frames($0, compressor).wire(from: sender) }
      let reception = Reception(wire: wire, sender.peer, part: 1 << 14, deflate: parameters)
      let isAsExpected = reception.events == (0..<count).map(autobahn.event)
      #expect(isAsExpected)
      #expect(reception.violation == nil)
    }
  }
}
