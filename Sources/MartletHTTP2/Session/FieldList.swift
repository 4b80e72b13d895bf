internal import CNghttp2
internal import NIOHTTP1

/// The fields of a header block to be sent, as nghttp2 wants them.
struct FieldList {
  /// Belong to HTTP/1.1 connections; a peer has to refuse a message with one (RFC 9113 §8.2.2).
  private static let connectionFields: Set = [
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
  ]

  private var bytes: [UInt8] = []
  private var lengths: [(name: Int, value: Int)] = []

  init(status: HTTPResponseStatus, _ headers: HTTPHeaders) {
    append(":status", String(status.code))
    append(headers)
  }

  init(_ head: HTTP2RequestHead) {
    append(":method", head.method.rawValue)
    if !head.scheme.isEmpty { append(":scheme", head.scheme) }
    if !head.authority.isEmpty { append(":authority", head.authority) }
    if !head.path.isEmpty { append(":path", head.path) }
    if let `protocol` = head.protocol { append(":protocol", `protocol`) }
    append(head.headers)
  }

  private mutating func append(_ headers: HTTPHeaders) {
    for (name, value) in headers {
      let name = name.lowercased()
      if !Self.connectionFields.contains(name) { append(name, value) }
    }
  }

  private mutating func append(_ name: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: value.utf8)
    lengths.append((name.utf8.count, value.utf8.count))
  }

  /// nghttp2 copies what `body` passes to it, and writes nothing through its pointers.
  mutating func withFields<Result>(
    _ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result
  ) -> Result {
    let lengths = lengths
    return unsafe bytes.withUnsafeMutableBufferPointer { bytes in
      var place = bytes.baseAddress
      let fields = unsafe lengths.map { lengths in
        let field = unsafe nghttp2_nv(
          name: place, value: place.map { unsafe $0 + lengths.name }, namelen: lengths.name,
          valuelen: lengths.value, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
        unsafe place = place.map { unsafe $0 + lengths.name + lengths.value }
        return unsafe field
      }
      return unsafe fields.withUnsafeBufferPointer { unsafe body($0.baseAddress, $0.count) }
    }
  }
}
