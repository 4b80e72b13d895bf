import MartletTestSupport
import MartletWebSocket
import NIOCore

/// What a reader made of some bytes.
struct Reception: Equatable {
  var events: [WebSocketEvent] = []
  var violation: WebSocketViolation?

  init(events: [WebSocketEvent] = [], violation: WebSocketViolation? = nil) {
    self.events = events
    self.violation = violation
  }

  /// Feeds `frames` of the peer to a reader for `role`, in parts of at most `part` bytes.
  init(
    _ frames: [RawFrame], _ role: WebSocketRole, part: Int = .max,
    limits: WebSocketLimits = .generous, deflate: PermessageDeflate.Parameters? = nil
  ) {
    self.init(
      wire: frames.wire(from: role.peer), role, part: part, limits: limits, deflate: deflate)
  }

  init(
    wire: [UInt8], _ role: WebSocketRole, part: Int = .max,
    limits: WebSocketLimits = .generous, deflate: PermessageDeflate.Parameters? = nil
  ) {
    var reader = WebSocketReader(role: role, limits: limits, deflate: deflate)
    var rest = wire[...]
    repeat {
      reader.append(ByteBuffer(bytes: rest.prefix(part)))
      rest = rest.dropFirst(part)
      take(from: &reader)
    } while !rest.isEmpty
  }

  /// Takes what there is.
  mutating func take(from reader: inout WebSocketReader) {
    do throws(WebSocketViolation) {
      while let event = try reader.next() { events.append(event) }
    } catch {
      violation = error
    }
  }
}

extension WebSocketLimits {
  static let generous = WebSocketLimits(frameSize: 1 << 24, messageSize: 1 << 24)
}
