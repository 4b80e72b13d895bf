package import NIOCore
package import NIOHTTP1

extension ByteBuffer {
  /// Writes the head of a response (RFC 9112 §4). What a client said and is repeated in it has come through a decoder, which takes
  /// no control characters.
  package mutating func writeHTTP1Head(
    _ version: HTTPVersion = .http1_1, _ status: HTTPResponseStatus, _ headers: HTTPHeaders
  ) {
    reserveCapacity(512)
    writeStaticString("HTTP/")
    writeString("\(version.major).\(version.minor) \(status.code) \(status.reasonPhrase)\r\n")
    for (name, value) in headers {
      writeString(name)
      writeStaticString(": ")
      writeString(value)
      writeStaticString("\r\n")
    }
    writeStaticString("\r\n")
  }
}
