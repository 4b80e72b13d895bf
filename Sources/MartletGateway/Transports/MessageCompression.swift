internal import MartletConfiguration
internal import MartletCore
internal import MartletWebSocket
internal import NIOCore

/// What one WebSocket has negotiated about compression (RFC 7692), and its compressor if it has one of its own.
/// Confined to its connection's event loop.
final class MessageCompression {
  let parameters: PermessageDeflate.Parameters
  /// In which publications are wanted.
  let format: WireFormat
  /// Smaller messages are sent as they are, in bytes.
  private let floor: Int
  /// The connection's own if its messages refer to earlier ones, else shared with all connections of the loop.
  private let compressor: DeflateCompressor
  private let keepsContext: Bool

  /// - Parameter shared: the compressors of the connection's event loop.
  init(
    _ parameters: PermessageDeflate.Parameters, _ configuration: CompressionSettings,
    _ shared: CompressorPool
  ) {
    self.parameters = parameters
    floor = configuration.floor
    let settings = configuration.deflate(windowBits: parameters.serverMaxWindowBits)
    keepsContext = parameters.hasContextTakeover(of: .server)
    compressor =
      keepsContext ? DeflateCompressor(settings, keepsContext: true) : shared[settings]
    format = keepsContext ? .webSocket : .webSocketDeflated(settings, floor: configuration.floor)
  }

  /// A frame with a message of this connection.
  func frame(_ opcode: WebSocketOpcode, _ message: ByteBuffer) -> ByteBuffer {
    guard message.readableBytes >= floor else {
      return WebSocketFraming.frame(opcode, payload: message)
    }
    return compressor.frame(opcode, message)
  }

  /// `frames` as this connection wants them: each message compressed behind the ones before it.
  func framed(_ frames: ByteBuffer) -> ByteBuffer {
    guard keepsContext else { return frames }
    var frames = frames
    var result = ByteBuffer()
    while let (opcode, payload) = WebSocketFraming.readOwnFrame(&frames) {
      var frame =
        opcode.isControl || payload.readableBytes < floor
        ? WebSocketFraming.frame(opcode, payload: payload) : compressor.frame(opcode, payload)
      result.writeBuffer(&frame)
    }
    return result
  }
}

/// How the gateway compresses.
struct CompressionSettings: Sendable {
  /// Smaller messages are sent as they are, in bytes.
  var floor: Int
  /// 1 (fast) to 9 (small).
  var level: Int
  var negotiation: PermessageDeflate.Configuration

  /// Nil if nothing is compressed.
  init?(_ configuration: Configuration.Compression) {
    guard configuration.isEnabled else { return nil }
    floor = configuration.floor
    level = configuration.level
    let isShared = !configuration.hasContextTakeover
    negotiation = PermessageDeflate.Configuration(
      serverNoContextTakeover: isShared, clientNoContextTakeover: isShared,
      serverMaxWindowBits: configuration.windowBits)
  }

  func deflate(windowBits: Int) -> DeflateCompressor.Settings {
    DeflateCompressor.Settings(level: level, windowBits: windowBits)
  }
}

extension WebSocketFraming {
  /// Takes one frame of a server's off `frames`: final, unmasked, whole.
  static func readOwnFrame(
    _ frames: inout ByteBuffer
  ) -> (opcode: WebSocketOpcode, payload: ByteBuffer)? {
    guard let first = frames.readInteger(as: UInt8.self),
      let opcode = WebSocketOpcode(rawValue: first & 0x0F),
      let short = frames.readInteger(as: UInt8.self)
    else { return nil }
    let length: Int? =
      switch short {
      case 126: frames.readInteger(as: UInt16.self).map(Int.init)
      case 127: frames.readInteger(as: UInt64.self).map(Int.init)
      default: Int(short)
      }
    guard let length, let payload = frames.readSlice(length: length) else { return nil }
    return (opcode, payload)
  }
}
