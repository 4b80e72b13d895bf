internal import MartletCore
package import NIOCore
package import NIOHTTP1

/// A whole HTTP request.
package struct HTTPRequest: Sendable {
  package var head: HTTPRequestHead
  package var body: ByteBuffer

  package init(head: HTTPRequestHead, body: ByteBuffer) {
    self.head = head
    self.body = body
  }

  /// The path without the query.
  package var path: Substring { RequestTarget(head.uri).path }
  /// The query's parameters.
  package var query: [String: String] { RequestTarget(head.uri).query }
}

/// A request's URI, taken apart.
package struct RequestTarget {
  package var path: Substring
  private var queryText: Substring

  package init(_ uri: String) {
    let question = uri.utf8.firstIndex(of: UInt8(ascii: "?"))
    path = uri[..<(question ?? uri.endIndex)]
    queryText = question.map { uri[uri.utf8.index(after: $0)...] } ?? ""
  }

  /// Parameters with percent escapes and `+` decoded; of a repeated one the last.
  package var query: [String: String] {
    var result: [String: String] = [:]
    for pair in queryText.utf8.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? Self.decoded(Substring(parts[1]), plusIsSpace: true) : ""
      result[Self.decoded(Substring(parts[0]), plusIsSpace: true)] = value
    }
    return result
  }

  /// `text` with percent escapes decoded; a percent sign that begins none stands for itself.
  ///
  /// - Parameter plusIsSpace: so in queries; in paths a plus is a plus.
  package static func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
      return String(text)
    }
    return String(decoding: bytes(text, plusIsSpace: plusIsSpace), as: UTF8.self)
  }

  /// Whether ``decoded(_:plusIsSpace:)`` finds UTF-8, and has nothing to repair.
  package static func isText(_ text: String) -> Bool {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return true }
    return (try? UTF8Span(validating: bytes(text[...], plusIsSpace: false).span)) != nil
  }

  private static func bytes(_ text: Substring, plusIsSpace: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = escaped(rest.prefix(2)) {
        bytes.append(value)
        rest.removeFirst(2)
      } else {
        bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return bytes
  }

  private static func escaped(_ digits: ArraySlice<UInt8>) -> UInt8? {
    let values = digits.compactMap(JSONText.hexValue)
    return values.count == 2 ? values[0] << 4 | values[1] : nil
  }
}

/// A whole HTTP response.
package struct HTTPResponse: Sendable {
  package var status: HTTPResponseStatus
  package var headers: HTTPHeaders
  package var body: ByteBuffer

  package init(
    _ status: HTTPResponseStatus, contentType: String, body: ByteBuffer,
    headers: HTTPHeaders = [:]
  ) {
    self.status = status
    self.headers = headers
    self.headers.replaceOrAdd(name: "Content-Type", value: contentType)
    self.body = body
  }

  /// A JSON answer.
  package static func json(_ status: HTTPResponseStatus, _ text: String) -> HTTPResponse {
    HTTPResponse(status, contentType: "application/json", body: ByteBuffer(string: text))
  }

  /// A line of text.
  package static func text(_ status: HTTPResponseStatus, _ text: String) -> HTTPResponse {
    HTTPResponse(
      status, contentType: "text/plain; charset=utf-8", body: ByteBuffer(string: text + "\n"))
  }
}
