import MartletTestSupport
import MartletWebSocket
import NIOCore
import Testing

/// Autobahn's list of cases 12 and 13: compressed messages of many sizes, fragmented and not, of different
/// content and with different parameters, in both directions. Its data sets are replaced by such of the same
/// kind, and its 1,000 messages per case by as many as make a quarter of a mebibyte.
@Suite struct AutobahnCompressionTests {
  enum Content: String, CaseIterable, CustomTestStringConvertible {
    case json
    case bitmap
    case prose
    case markup
    case packed

    var testDescription: String { rawValue }
    var isText: Bool { self == .json || self == .markup }
  }

  /// Sizes of messages, and of their fragments.
  private static let sizes: [(message: Int, fragment: Int)] =
    [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131_072].map { ($0, Int.max) }
    + [8192, 16384, 32768, 65536, 131_072].map { ($0, 256) }
    + [1024, 4096, 32768].map { (131_072, $0) }

  private static let bytesPerCase = 1 << 18

  @Test("Autobahn 12: different content", arguments: Content.allCases, sizes)
  func content(content: Content, size: (message: Int, fragment: Int)) throws {
    let offer = PermessageDeflate.Offer(clientNoContextTakeover: true)
    try exchange(content, size, offer)
  }

  @Test("Autobahn 13: different parameters", arguments: 1...7, sizes)
  func parameters(group: Int, size: (message: Int, fragment: Int)) throws {
    let (takeover, bits): (Bool, Int?) =
      switch group {
      case 1: (false, nil)
      case 2: (true, nil)
      case 3: (false, 9)
      case 4: (false, 15)
      case 6: (true, 15)
      default: (true, 9)
      }
    let offer = PermessageDeflate.Offer(
      serverNoContextTakeover: takeover, serverMaxWindowBits: bits)
    let further =
      group == 7 ? [PermessageDeflate.Offer(serverNoContextTakeover: true), .init()] : []
    try exchange(.json, size, offer, further)
  }

  private func exchange(
    _ content: Content, _ size: (message: Int, fragment: Int), _ offer: PermessageDeflate.Offer,
    _ further: [PermessageDeflate.Offer] = []
  ) throws {
    let field = ([offer] + further).map(\.field).joined(separator: ", ")
    let configuration = PermessageDeflate.Configuration(
      serverNoContextTakeover: false, clientNoContextTakeover: false)
    let agreement = try #require(try PermessageDeflate.negotiate(field, configuration))
    let parameters = agreement.parameters
    #expect(try offer.parameters(answeredBy: agreement.response) == parameters)
    let data = Self.data[content] ?? []
    for sender in WebSocketRole.both {
      let compressor = DeflateCompressor(parameters, of: sender)
      var wire: [UInt8] = []
      var events: [WebSocketEvent] = []
      for index in 0..<max(2, min(1000, Self.bytesPerCase / size.message)) {
        let start = index * size.message % (data.count - size.message)
        let message = ByteBuffer(bytes: data[start..<start + size.message])
        events.append(content.isText ? .text(message) : .binary(message))
        var payload = ByteBuffer()
        compressor.compress(message, into: &payload)
        let frames = AutobahnCase.split(
          Array(payload.readableBytesView), content.isText ? 1 : 2,
          into: min(size.fragment, 1 << 20),
          isCompressed: true)
        wire += frames.wire(from: sender)
      }
      let reception = Reception(wire: wire, sender.peer, part: 1 << 14, deflate: parameters)
      let isAsExpected = reception.events == events
      #expect(isAsExpected)
      #expect(reception.violation == nil)
    }
  }

  // MARK: Data

  private static let data: [Content: [UInt8]] = Dictionary(
    uniqueKeysWithValues: Content.allCases.map { ($0, data(of: $0)) })

  private static func data(of content: Content) -> [UInt8] {
    var generator = SeededGenerator(seed: 7692)
    var data: [UInt8] = []
    while data.count < 150_000 {
      let number = UInt32.random(in: 0 ... .max, using: &generator)
      switch content {
      case .json:
        data += #"{"id":\#(data.count),"name":"item \#(number % 97)","value":\#(number)},"#.utf8
      case .bitmap:
        // Neighbours are alike.
        let shade = Int(data.last ?? 128) + Int(number % 7) - 3
        data.append(UInt8(clamping: shade))
      case .prose:
        let words = [
          "Habe", "nun", "ach", "Philosophie", "Juristerei", "und", "Medizin", "für", ".",
        ]
        data += (words[Int(number) % words.count] + " ").utf8
      case .markup:
        data += "<tr class=\"row\"><td>\(number % 1000)</td><td><a href=\"/p/\(number)\">".utf8
      case .packed:
        data += (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
      }
    }
    return data
  }
}
