package import MartletCore
internal import MartletWebSocket
package import NIOCore

/// The frame of a publication: the event's bytes with `group` and `offset` spliced in at their end.
package enum PublicationFrame {
  private static let epochPrefix: StaticString = #"","epoch":""#

  /// Appends the JSON text to `buffer`. Clients do not learn of tenants.
  ///
  /// - Parameters:
  ///   - event: a JSON object from `{` to `}`, as it stands in the backplane.
  ///   - offset: nil for an ephemeral event.
  ///   - newEpoch: set if an epoch begins here that continues the former one.
  package static func writeJSON(
    event: ByteBuffer, group: GroupName, offset: UInt64?, newEpoch: Epoch? = nil,
    into buffer: inout ByteBuffer
  ) {
    writeJSON(event, group.name, offset, newEpoch, into: &buffer)
  }

  private static func writeJSON(
    _ event: ByteBuffer, _ name: Substring, _ offset: UInt64?, _ newEpoch: Epoch?,
    into buffer: inout ByteBuffer
  ) {
    var open = event
    open.moveWriterIndex(to: open.writerIndex - 1)
    buffer.writeBuffer(&open)
    buffer.writeStaticString(#","group":""#)
    buffer.writeSubstring(name)
    if let newEpoch {
      buffer.writeStaticString(epochPrefix)
      buffer.writeString(newEpoch.rawValue)
    }
    if let offset {
      buffer.writeStaticString(#"","offset":"#)
      buffer.writeDecimal(offset)
      buffer.writeInteger(UInt8(ascii: "}"))
    } else {
      buffer.writeStaticString(#""}"#)
    }
  }

  /// Appends the JSON text as one unmasked WebSocket text frame.
  package static func writeWebSocket(
    event: ByteBuffer, group: GroupName, offset: UInt64?, newEpoch: Epoch? = nil,
    into buffer: inout ByteBuffer
  ) {
    let name = group.name
    let epoch = newEpoch.map { epochPrefix.utf8CodeUnitCount + $0.rawValue.utf8.count } ?? 0
    let digits = offset.map { #","offset":"#.utf8.count + $0.decimalDigits } ?? 0
    let length =
      event.readableBytes - 1 + #","group":"""#.utf8.count + name.utf8.count + epoch + digits + 1
    WebSocketFraming.writeTextHeader(length: length, into: &buffer)
    let start = buffer.writerIndex
    writeJSON(event, name, offset, newEpoch, into: &buffer)
    assert(buffer.writerIndex - start == length)
  }
}

extension PublicationFrame {
  /// Appends the JSON text as one server-sent event (WHATWG HTML §9.2.5), whose id is the position: what a browser sends back as
  /// `Last-Event-ID`.
  ///
  /// - Parameter position: nil for an ephemeral event, which leaves the id as it was.
  package static func writeEventStream(
    event: ByteBuffer, group: GroupName, position: Position?, newEpoch: Epoch? = nil,
    into buffer: inout ByteBuffer
  ) {
    if let position {
      buffer.writeStaticString("id: ")
      buffer.writeString(position.epoch.rawValue)
      buffer.writeStaticString(":")
      buffer.writeDecimal(position.offset)
      buffer.writeStaticString("\n")
    }
    buffer.writeStaticString("data: ")
    let start = buffer.writerIndex
    writeJSON(
      event: event, group: group, offset: position?.offset, newEpoch: newEpoch, into: &buffer)
    buffer.replaceLineBreaks(from: start)
    buffer.writeStaticString("\n\n")
  }
}

extension ByteBuffer {
  /// Line breaks of JSON stand between tokens, where a space does as well; here they would end a line of the stream.
  fileprivate mutating func replaceLineBreaks(from start: Int) {
    for index in start..<writerIndex {
      switch getInteger(at: index, as: UInt8.self) {
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): setInteger(UInt8(ascii: " "), at: index)
      default: break
      }
    }
  }

  /// Writes `value` in decimal without making a string.
  package mutating func writeDecimal(_ value: UInt64) {
    let digits = value.decimalDigits
    let end = writerIndex + digits
    writeRepeatingByte(0, count: digits)
    var rest = value
    var index = end
    repeat {
      index -= 1
      setInteger(UInt8(ascii: "0") + UInt8(rest % 10), at: index)
      rest /= 10
    } while rest > 0
  }
}

extension UInt64 {
  fileprivate var decimalDigits: Int {
    var digits = 1
    var rest = self / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    return digits
  }
}
