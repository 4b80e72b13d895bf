import NIOCore
import NIOWebSocket

/// One connection of a `GatewayDouble`.
final class DoubleSession: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  let target: String
  let group: String
  /// The offset of the position in the request.
  let recoverFrom: Int?
  /// In the order of joins to the group; set by the hub.
  var member = -1
  private let hub: DoubleHub
  private let channel: any Channel
  private var swapped: String?
  /// What was read together with the message that ended the connection is ignored.
  private var isCut = false

  init(hub: DoubleHub, channel: any Channel, target: String) {
    self.hub = hub
    self.channel = channel
    self.target = target
    let parts = target.split(separator: "?")
    group = parts.first.map { "group" + $0.replacing("/", with: "_") } ?? "group"
    recoverFrom = parts.dropFirst().first?.split(separator: "offset=").last.flatMap { Int($0) }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    hub.join(self)
  }

  func channelInactive(context: ChannelHandlerContext) {
    hub.leave(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isCut { return }
    let frame = unwrapInboundIn(data)
    guard frame.maskKey != nil else { return close(code: 1002, reason: "not masked") }
    switch frame.opcode {
    case .text: hub.receive(String(buffer: frame.unmaskedData), from: self)
    case .connectionClose:
      write(.connectionClose, frame.unmaskedData)
      channel.close(promise: nil)
    case .pong where String(buffer: frame.unmaskedData) == "are you there":
      hub.observations.pongs += 1
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func deliver(_ text: String, _ fault: DoubleFaults.DeliveryFault, inFragments: Bool) {
    switch fault {
    case .lose: return
    case .swap:
      swapped = text
      return
    case .duplicate:
      send(text, inFragments: inFragments)
      send(text, inFragments: inFragments)
    case .none: send(text, inFragments: inFragments)
    }
    if let held = swapped {
      swapped = nil
      send(held, inFragments: inFragments)
    }
  }

  func send(_ text: String, inFragments: Bool = false) {
    guard inFragments else { return write(.text, ByteBuffer(string: text)) }
    write(.text, ByteBuffer(string: String(text.prefix(1))), isFinal: false)
    // RFC 6455 §5.4: control frames may stand between fragments.
    ping()
    write(.continuation, ByteBuffer(string: String(text.dropFirst())))
  }

  func ping() {
    write(.ping, ByteBuffer(string: "are you there"))
  }

  func close(code: Int, reason: String) {
    var payload = ByteBuffer()
    payload.writeInteger(UInt16(code))
    payload.writeString(reason)
    write(.connectionClose, payload)
    hub.leave(self)
  }

  /// Cuts the connection without a word.
  func cut() {
    isCut = true
    hub.leave(self)
    channel.close(promise: nil)
  }

  private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer, isFinal: Bool = true) {
    channel.writeAndFlush(WebSocketFrame(fin: isFinal, opcode: opcode, data: data), promise: nil)
  }
}
