package import MartletCore
package import NIOCore

/// An event's JSON object without its closing brace: fields can be appended, and ``closed`` ends it.
package struct EventBody: Equatable, Sendable {
  /// From `{` to the last field.
  private var open: ByteBuffer

  /// The object of `message` that `layout` describes, without the members at the indices `dropping`.
  package init(_ message: ByteBuffer, _ layout: JSONScanner.Layout, dropping: Set<Int> = []) {
    func slice(_ range: Range<Int>) -> ByteBuffer? {
      message.getSlice(at: message.readerIndex + range.lowerBound, length: range.count)
    }
    let kept = layout.members.indices.lazy.filter { !dropping.contains($0) }
    open = ByteBuffer()
    open.reserveCapacity(layout.object.count + 256)
    open.writeInteger(UInt8(ascii: "{"))
    for index in kept {
      if open.readableBytes > 1 { open.writeInteger(UInt8(ascii: ",")) }
      let member = layout.members[index]
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
