package import MartletWebSocket
package import NIOCore

/// One of Autobahn's cases 12 and 13: compressed messages of one size, fragmented or not, of one kind of content
/// and with certain parameters. Its data sets are replaced by such of the same kind.
package struct AutobahnCompressionCase: CustomStringConvertible, Sendable {
  package enum Content: CaseIterable, Sendable {
    case json
    case bitmap
    case prose
    case markup
    case packed

    package var isText: Bool { self == .json || self == .markup }
  }

  /// That each case sends in Autobahn.
  package static let messageCount = 1000

  package let id: String
  package let content: Content
  /// Of a message before compression, in bytes.
  package let size: Int
  /// The most of a fragment, in bytes.
  package let fragmentSize: Int
  /// In the client's order of preference.
  package let offers: [PermessageDeflate.Offer]

  package var description: String { id }

  /// The value of `Sec-WebSocket-Extensions` in the client's handshake.
  package var field: String { offers.map(\.field).joined(separator: ", ") }

  /// The message that is sent as number `index`.
  package func message(_ index: Int) -> ByteBuffer {
    let data = Self.data[content] ?? []
    let start = index * size % (data.count - size)
    return ByteBuffer(bytes: data[start..<start + size])
  }

  /// Message `index` as frames, compressed by the `compressor` of the connection.
  package func frames(_ index: Int, _ compressor: DeflateCompressor) -> [RawFrame] {
    var payload = ByteBuffer()
    compressor.compress(message(index), into: &payload)
    return AutobahnCase.split(
      Array(payload.readableBytesView), content.isText ? 1 : 2, into: fragmentSize,
      isCompressed: true)
  }

  package func event(_ index: Int) -> WebSocketEvent {
    content.isText ? .text(message(index)) : .binary(message(index))
  }

  // MARK: The list

  /// 12: different content.
  package static let contents: [AutobahnCompressionCase] = Content.allCases.enumerated().flatMap {
    group, content in
    sizes.enumerated().map { index, size in
      AutobahnCompressionCase(
        id: "12.\(group + 1).\(index + 1)", content: content, size: size.message,
        fragmentSize: size.fragment, offers: [.init(clientNoContextTakeover: true)])
    }
  }

  /// 13: different parameters.
  package static let parameters: [AutobahnCompressionCase] = offers.enumerated().flatMap {
    group, offers in
    sizes.enumerated().map { index, size in
      AutobahnCompressionCase(
        id: "13.\(group + 1).\(index + 1)", content: .json, size: size.message,
        fragmentSize: size.fragment, offers: offers)
    }
  }

  /// More than any message has.
  private static let whole = 1 << 20

  private static let sizes: [(message: Int, fragment: Int)] =
    [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131_072].map { ($0, whole) }
    + [8192, 16384, 32768, 65536, 131_072].map { ($0, 256) }
    + [1024, 4096, 32768].map { (131_072, $0) }

  private static let offers: [[PermessageDeflate.Offer]] = [
    [.init()],
    [.init(serverNoContextTakeover: true)],
    [.init(serverMaxWindowBits: 9)],
    [.init(serverMaxWindowBits: 15)],
    [.init(serverNoContextTakeover: true, serverMaxWindowBits: 9)],
    [.init(serverNoContextTakeover: true, serverMaxWindowBits: 15)],
    [
      .init(serverNoContextTakeover: true, serverMaxWindowBits: 9),
      .init(serverNoContextTakeover: true), .init(),
    ],
  ]

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
