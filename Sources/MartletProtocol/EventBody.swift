package import MartletCore
package import NIOCore

/// An event's JSON object without its closing brace: fields can be appended, and ``closed`` ends it.
package struct EventBody: Equatable, Sendable {
  /// From `{` to the last field.
  private var open: ByteBuffer

  /// The object of `message` that `layout` describes, without the top-level fields `dropping`.
  package init(_ message: ByteBuffer, _ layout: JSONScanner.Layout, dropping: Set<String>) {
    func slice(_ range: Range<Int>) -> ByteBuffer? {
      message.getSlice(at: message.readerIndex + range.lowerBound, length: range.count)
    }
    func name(_ member: JSONScanner.Member) -> String {
      slice(member.key).map { JSONText.unquoted($0.readableBytesView) } ?? ""
    }
    let kept = layout.members.filter { !dropping.contains(name($0)) }
    open = ByteBuffer()
    open.reserveCapacity(layout.object.count + 256)
    open.writeInteger(UInt8(ascii: "{"))
    for (index, member) in kept.enumerated() {
      if index > 0 { open.writeInteger(UInt8(ascii: ",")) }
      if var field = slice(member.key.lowerBound..<member.value.upperBound) {
        open.writeBuffer(&field)
      }
    }
  }

  /// Adds `"name":json` at the end.
  package mutating func append(_ name: StaticString, json: String) {
    if open.readableBytes > 1 { open.writeInteger(UInt8(ascii: ",")) }
    open.writeInteger(UInt8(ascii: "\""))
    open.writeStaticString(name)
    open.writeString("\":")
    open.writeString(json)
  }

  /// The whole object.
  package var closed: ByteBuffer {
    var buffer = open
    buffer.writeInteger(UInt8(ascii: "}"))
    return buffer
  }
}
