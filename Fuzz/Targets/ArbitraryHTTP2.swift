internal import MartletHTTP2
internal import NIOCore
internal import NIOEmbedded
internal import NIOHTTP1

/// A client of HTTP/2 that may send anything. The first two bytes choose what it has sent before, how the server
/// behaves, and how the rest is cut into parts; and whether that is sent as it is, or describes frames, which lets
/// a fuzzer get further.
struct ArbitraryHTTP2 {
  /// What a server does with a stream.
  private enum Reaction: UInt8 {
    case answerWithoutBody, answerAndEcho, answerWithMuch, reset, leaveUnread, refuse
    case answerAtTheEnd, nothing
  }

  /// A client's preface with empty settings, and its acknowledgement of the server's (RFC 9113 §3.4).
  private static let preface =
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    + [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 0, 4, 1, 0, 0, 0, 0]

  private let sendsPreface: Bool
  private let isSmall: Bool
  private let reaction: Reaction
  private let seed: UInt8
  private let wire: ArraySlice<UInt8>

  init?(_ input: [UInt8]) {
    guard input.count >= 2 else { return nil }
    sendsPreface = input[0] & 1 == 0
    isSmall = input[0] & 2 != 0
    reaction = Reaction(rawValue: input[0] >> 5) ?? .nothing
    seed = input[1]
    wire = input[0] & 4 == 0 ? input[2...] : Self.frames(describedBy: input[2...])[...]
  }

  /// A frame for each type, flags, stream and length of one byte, with as much payload (RFC 9113 §4.1).
  private static func frames(describedBy input: ArraySlice<UInt8>) -> [UInt8] {
    var frames: [UInt8] = []
    var rest = input
    while rest.count >= 4 {
      let head = Array(rest.prefix(4))
      let payload = rest.dropFirst(4).prefix(Int(head[3]))
      rest = rest.dropFirst(4 + payload.count)
      frames += [0, 0, UInt8(payload.count), head[0] & 15, head[1], 0, 0, 0, head[2] & 31]
      frames += payload
    }
    return frames
  }

  /// - Precondition: each stream is closed exactly once, and afterwards nothing is left.
  func run() {
    let log = Log()
    let handler = HTTP2ServerHandler(configuration: configuration) { stream, head in
      accept(stream, head, log)
    }
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(handler: handler, loop: loop)
    channel.connect(to: Self.address, promise: nil)
    if sendsPreface { _ = try? channel.writeInbound(ByteBuffer(bytes: Self.preface)) }
    var rest = wire
    var cut = Cut(seed: seed)
    while !rest.isEmpty {
      _ = try? channel.writeInbound(ByteBuffer(bytes: cut.next(&rest)))
      loop.run()
      discardOutput(channel)
    }
    for owner in log.owners { owner.stream?.setReading(true) }
    loop.advanceTime(by: .seconds(400))
    discardOutput(channel)
    _ = try? channel.finish()
    loop.run()
    precondition(handler.streamCount == 0, "streams are left")
    for owner in log.owners {
      precondition(owner.isClosed, "a stream that is not closed")
      precondition(owner.stream?.pendingBytes == 0, "bytes are left")
      owner.stream = nil
    }
  }

  private static let address: SocketAddress = {
    guard let address = try? SocketAddress(ipAddress: "127.0.0.1", port: 1) else {
      preconditionFailure("an address of this machine")
    }
    return address
  }()

  private var configuration: HTTP2Configuration {
    var configuration = HTTP2Configuration()
    if isSmall {
      configuration.maximumConcurrentStreams = 3
      configuration.initialStreamWindow = 100
      configuration.maximumHeaderListSize = 1_024
      configuration.resets = .init(burst: 3, perSecond: 1)
      configuration.overhead = .init(burst: 10, perSecond: 1)
    }
    return configuration
  }

  private func discardOutput(_ channel: EmbeddedChannel) {
    while (try? channel.readOutbound(as: ByteBuffer.self)) ?? nil != nil {}
  }

  private func accept(
    _ stream: HTTP2Stream, _ head: HTTP2RequestHead, _ log: Log
  ) -> (any HTTP2StreamDelegate)? {
    precondition(!head.path.isEmpty || head.method == .CONNECT, "a request without a path")
    precondition(head.protocol == nil || head.method == .CONNECT, "a protocol without CONNECT")
    for header in head.headers {
      precondition(!header.name.hasPrefix(":"), "a pseudo-header among the fields")
      precondition(
        header.value.utf8.allSatisfy { $0 != 0 && $0 != 10 && $0 != 13 }, "a field of two lines")
    }
    let owner = Owner(stream, echoes: reaction == .answerAndEcho)
    switch reaction {
    case .refuse: return nil
    case .answerWithoutBody: stream.respond(status: .ok, endStream: true)
    case .answerAndEcho: stream.respond(status: .ok)
    case .answerWithMuch:
      stream.respond(status: .ok)
      stream.write(ByteBuffer(repeating: 1, count: 100_000))
      stream.end(discardingInput: true)
    case .reset: stream.reset()
    case .leaveUnread:
      stream.respond(status: .ok)
      stream.setReading(false)
    case .answerAtTheEnd: owner.answersAtTheEnd = true
    case .nothing: break
    }
    log.owners.append(owner)
    return owner
  }

  private final class Log {
    var owners: [Owner] = []
  }

  private final class Owner: HTTP2StreamDelegate {
    var stream: HTTP2Stream?
    var answersAtTheEnd = false
    private(set) var isClosed = false
    private var hasEnd = false
    private let echoes: Bool

    init(_ stream: HTTP2Stream, echoes: Bool) {
      self.stream = stream
      self.echoes = echoes
    }

    func received(_ bytes: ByteBuffer) {
      precondition(!isClosed && !hasEnd, "bytes after the end")
      if echoes { stream?.write(bytes) }
    }

    func receivedEnd() {
      precondition(!isClosed && !hasEnd, "a second end")
      hasEnd = true
      if answersAtTheEnd { stream?.respond(status: .ok) }
      stream?.end()
    }

    func drained() {
      precondition(!isClosed, "drained after the end")
    }

    func closed(_ reason: HTTP2StreamClosure) {
      precondition(!isClosed, "closed twice")
      isClosed = true
    }
  }
}
