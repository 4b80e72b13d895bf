internal import MartletWebSocket
internal import NIOCore
internal import NIOEmbedded
internal import NIOWebSocket

/// What a masked text frame of 128 bytes costs on its way in, and what an idle reader holds, beside NIO's
/// decoder: `swift run -c release websocket-frame-cost`.
@main
enum WebSocketFrameCost {
  private static let rounds = 15
  private static let reads = 20_000
  private static let readers = 10_000
  private static let payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: 128)

  static func main() throws {
    try reportMemory()
    print("ns of CPU per frame, median of \(rounds)")
    for framesPerRead in [1, 16] {
      var input = ByteBuffer()
      for _ in 0..<framesPerRead {
        input.writeImmutableBuffer(
          WebSocketFraming.frame(.text, payload: payload, maskKey: 0x1234_5678))
      }
      let frames = reads * framesPerRead
      func report(_ name: String, _ work: () throws -> Void) rethrows {
        let cost = try Measurement.nanosecondsPerFrame(rounds: rounds, frames: frames, work)
        print("  \(framesPerRead) per read, \(name): \((cost * 10).rounded() / 10)")
      }
      // Each read brings bytes of its own, which is part of each number.
      report("bytes alone") {
        for _ in 0..<reads { withExtendedLifetime(ByteBuffer(bytes: input.readableBytesView)) {} }
      }
      try report("NIO's decoder, unmasked and checked") { try pipelined(input, ofNIO) }
      try report("WebSocketReader in a pipeline") { try pipelined(input, ofReader) }
      report("WebSocketReader, bytes of its own") {
        let handler = ReaderHandler(Sink())
        for _ in 0..<reads { handler.receive(ByteBuffer(bytes: input.readableBytesView)) }
      }
      report("WebSocketReader, bytes that somebody holds") {
        let handler = ReaderHandler(Sink())
        for _ in 0..<reads {
          let held = ByteBuffer(bytes: input.readableBytesView)
          handler.receive(held)
          withExtendedLifetime(held) {}
        }
      }
    }
  }

  private static func ofNIO(_ channel: EmbeddedChannel) throws {
    try channel.pipeline.syncOperations.addHandlers([
      ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 16)), FrameHandler(Sink()),
    ])
  }

  private static func ofReader(_ channel: EmbeddedChannel) throws {
    try channel.pipeline.syncOperations.addHandler(ReaderHandler(Sink()))
  }

  private static func pipelined(
    _ input: ByteBuffer, _ addHandlers: (EmbeddedChannel) throws -> Void
  ) throws {
    let channel = EmbeddedChannel()
    try addHandlers(channel)
    for _ in 0..<reads {
      channel.pipeline.fireChannelRead(ByteBuffer(bytes: input.readableBytesView))
    }
    _ = try channel.finish()
  }

  /// After one message each, so that what is kept for the next one counts.
  private static func reportMemory() throws {
    let frame = WebSocketFraming.frame(.text, payload: payload, maskKey: 0x1234_5678)
    func channels(_ addHandlers: ((EmbeddedChannel) throws -> Void)?) throws -> Int {
      try Measurement.residentBytes {
        try (0..<readers).map { _ in
          let channel = EmbeddedChannel()
          if let addHandlers {
            try addHandlers(channel)
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: frame.readableBytesView))
          }
          return channel
        }
      } / readers
    }
    // The first round also pays for what all share.
    _ = try channels(ofReader) + channels(ofNIO)
    let none = try channels(nil)
    let ofReader = try channels(ofReader) - none
    let ofNIO = try channels(ofNIO) - none
    print("bytes per idle session after a message")
    print("  WebSocketReader itself: \(MemoryLayout<WebSocketReader>.size)")
    print("  NIO's decoder and a handler in a pipeline: \(ofNIO)")
    print("  WebSocketReader in a handler in a pipeline: \(ofReader)")
    let sink = Sink()
    let bare = Measurement.residentBytes {
      (0..<readers).map { _ in
        let handler = ReaderHandler(sink)
        handler.receive(ByteBuffer(bytes: frame.readableBytesView))
        return handler
      }
    }
    print("  WebSocketReader in an object of its own: \(bare / readers)")
  }
}
