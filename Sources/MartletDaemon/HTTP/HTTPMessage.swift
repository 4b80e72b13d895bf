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
    let question = uri.firstIndex(of: "?")
    path = uri[..<(question ?? uri.endIndex)]
    queryText = question.map { uri[uri.index(after: $0)...] } ?? ""
  }

  /// Parameters with percent escapes and `+` decoded; of a repeated one the last.
  package var query: [String: String] {
    var result: [String: String] = [:]
    for pair in queryText.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? Self.decoded(parts[1]) : ""
      result[Self.decoded(parts[0])] = value
    }
    return result
  }

  /// The path with percent escapes decoded.
  package static func decoded(_ text: Substring) -> String {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
      return String(text)
    }
    var bytes: [UInt8] = []
    var iterator = Array(text.utf8)[...]
    while let byte = iterator.popFirst() {
      if byte == UInt8(ascii: "%"), iterator.count >= 2,
        let value = UInt8(String(decoding: iterator.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        iterator.removeFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
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
