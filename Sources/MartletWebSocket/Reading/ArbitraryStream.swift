internal import NIOCore

/// A reader fed with arbitrary bytes: the entry for fuzzers and property tests.
///
/// The first four bytes choose role, compression, limits and how the rest is cut into parts.
package struct ArbitraryStream {
  package struct Outcome: Equatable {
    package var events: [WebSocketEvent] = []
    package var violation: WebSocketViolation?
  }

  package let role: WebSocketRole
  package let limits: WebSocketLimits
  package let deflate: PermessageDeflate.Parameters?
  private let seed: UInt8
  private let wire: ArraySlice<UInt8>

  /// Nil without the four bytes.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count >= 4 else { return nil }
    role = bytes[0] & 1 == 0 ? .server : .client
    deflate =
      bytes[0] & 2 == 0
      ? nil
      : PermessageDeflate.Parameters(
        serverNoContextTakeover: bytes[0] & 4 == 0, clientNoContextTakeover: bytes[0] & 4 == 0,
        serverMaxWindowBits: 8 + Int(bytes[0] >> 5), clientMaxWindowBits: 8 + Int(bytes[0] >> 5))
    limits = WebSocketLimits(
      frameSize: 1 << Int(bytes[1] & 15), messageSize: 1 << Int(bytes[1] >> 4))
    seed = bytes[2]
    wire = bytes[4...]
  }

  /// Reads all in one piece, and again cut into parts, and checks what has to hold for any bytes.
  ///
  /// - Precondition: both give the same, no event is against the limits, nothing follows the end.
  @discardableResult
  package func run() -> Outcome {
    let outcome = read { $0 }
    let limit = limits.messageSize
    for event in outcome.events {
      switch event {
      case .text(let text):
        let isValid = (try? UTF8Span(validating: text.readableBytesUInt8Span)) != nil
        precondition(isValid && text.readableBytes <= limit, "a bad text message")
      case .binary(let bytes):
        precondition(bytes.readableBytes <= limit, "a binary message above the limit")
      case .ping(let bytes), .pong(let bytes):
        precondition(bytes.readableBytes <= 125, "a control frame above the limit")
      case .close, .tooLarge:
        break
      }
    }
    precondition(read { _ in 1 } == outcome, "another outcome byte by byte")
    var state = UInt32(seed) | 1
    let cut = read { left in
      state = state &* 1_664_525 &+ 1_013_904_223
      return min(left, 1 + Int(state >> 24))
    }
    precondition(cut == outcome, "another outcome in parts")
    return outcome
  }

  /// - Parameter size: of the next part, of so many bytes.
  private func read(_ size: (Int) -> Int) -> Outcome {
    var outcome = Outcome()
    var reader = WebSocketReader(role: role, limits: limits, deflate: deflate)
    var rest = wire
    repeat {
      let part = rest.prefix(size(rest.count))
      rest = rest.dropFirst(part.count)
      reader.append(ByteBuffer(bytes: part))
      do throws(WebSocketViolation) {
        while let event = try reader.next() {
          precondition(outcome.violation == nil, "an event after a violation")
          if case .close? = outcome.events.last { preconditionFailure("an event after a close") }
          outcome.events.append(event)
        }
      } catch {
        precondition(outcome.violation == nil, "a second violation")
        outcome.violation = error
      }
    } while !rest.isEmpty
    return outcome
  }
}
