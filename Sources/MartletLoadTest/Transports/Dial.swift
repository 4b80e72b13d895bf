import MartletWebSocket
import NIOCore
import NIOHTTP1

/// One connection to be made: decided by its client, carried out by a ``Dialer``.
struct Dial: Sendable {
  /// The number of the target.
  var target: Int
  var server: Target
  var address: SocketAddress
  /// Which address to connect from; nil: the system's choice. Its port is 0.
  var localAddress: SocketAddress?
  /// Path and query of the WebSocket's upgrade, for every transport; free of control characters and spaces.
  var path: String
  /// Free of control characters.
  var token: String?
  var transport: Behaviour.Transport
  /// Offers permessage-deflate (RFC 7692); for WebSockets.
  var isCompressed = false
  /// Of one HTTP/2 connection, if the server allows so many.
  var streamsPerConnection = 100
  /// Where to go on; nil: with what comes.
  var position: Position?

  init(
    target: Int, server: Target, address: SocketAddress, path: String,
    transport: Behaviour.Transport
  ) {
    self.target = target
    self.server = server
    self.address = address
    self.path = path
    self.transport = transport
  }

  /// What is offered about compression.
  var offer: PermessageDeflate.Offer? { isCompressed ? PermessageDeflate.Offer() : nil }

  /// `http` or `https` (RFC 8441 §5: also of a WebSocket).
  var scheme: String { server.isSecure ? "https" : "http" }

  /// ``path`` with the position to go on from.
  var pathWithPosition: String {
    position.map { Self.adding($0, to: path) } ?? path
  }

  static func adding(_ position: Position, to path: String) -> String {
    adding("epoch=\(escape(position.epoch))&offset=\(position.offset)", to: path)
  }

  static func adding(_ query: String, to path: String) -> String {
    "\(path)\(path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")\(query)"
  }

  /// What all requests have in common, but the host.
  var fields: HTTPHeaders {
    var fields = HTTPHeaders()
    if let token { fields.add(name: "authorization", value: "Bearer \(token)") }
    return fields
  }

  /// Percent-encodes all but RFC 3986's unreserved characters.
  private static func escape(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }
}
