package import MartletCore
package import NIOCore

/// What a connection says of itself to the other members: a JSON object whose fields are set one by one.
package struct PresenceMeta: Equatable, Sendable {
  private struct Field: Equatable, Sendable {
    var name: String
    /// JSON without white space.
    var value: String
  }

  private var fields: [Field] = []

  package init() {}

  /// The object, without white space between its tokens.
  package var json: String {
    "{" + fields.map { JSONText.quoted($0.name) + ":" + $0.value }.joined(separator: ",") + "}"
  }

  /// Sets the fields of `object`, a JSON object; those that are `null` there are removed.
  ///
  /// - Parameters:
  ///   - ignored: names that are left out.
  ///   - limit: for ``json``, in bytes. If the result is longer, nothing changes.
  package mutating func merge(
    _ object: ByteBuffer, ignoring ignored: Set<String> = [], limit: Int
  ) throws(Refusal) {
    let layout: JSONScanner.Layout
    do {
      layout = try JSONScanner.object(in: object.readableBytesUInt8Span)
    } catch {
      throw Refusal(.malformed, "\(error.message), at byte \(error.offset)")
    }
    let bytes = object.readableBytesView
    func slice(_ range: Range<Int>) -> ByteBufferView {
      bytes[(bytes.startIndex + range.lowerBound)..<(bytes.startIndex + range.upperBound)]
    }
    var next = self
    for member in layout.members {
      let name = JSONText.unquoted(slice(member.key))
      if ignored.contains(name) { continue }
      let value = JSONText.minified(slice(member.value))
      let index = next.fields.firstIndex { $0.name == name }
      switch (index, value) {
      case (let index?, "null"): next.fields.remove(at: index)
      case (nil, "null"): break
      case (let index?, _): next.fields[index].value = value
      case (nil, _): next.fields.append(Field(name: name, value: value))
      }
    }
    let size = next.json.utf8.count
    guard size <= limit else {
      throw Refusal(
        .tooLarge, "a connection's presence may have at most \(limit) bytes; this is \(size)")
    }
    self = next
  }
}
