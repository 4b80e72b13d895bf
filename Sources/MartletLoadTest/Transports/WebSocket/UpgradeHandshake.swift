import Crypto
import MartletWebSocket

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// RFC 6455 §4.1: the client's side of the opening handshake.
struct UpgradeHandshake: Sendable {
  /// What stands between the two ends of an upgrade.
  struct Refusal: Error, Equatable {
    /// `http_404`, or `bad_upgrade` when the answer is no proper one; a label for counting.
    let label: String
    let message: String
  }

  /// The largest response head accepted, in bytes.
  static let largestHead = 16 * 1024

  private let key: String

  /// - Parameter nonce: 16 random bytes.
  init(nonce: [UInt8]) {
    key = Data(nonce).base64EncodedString()
  }

  /// The head of the request; the values have been checked to be free of control characters.
  ///
  /// - Parameter offer: of compression (RFC 7692); nil: none.
  func request(
    authority: String, path: String, token: String?, offer: PermessageDeflate.Offer? = nil
  ) -> String {
    var head = """
      GET \(path) HTTP/1.1\r
      Host: \(authority)\r
      Upgrade: websocket\r
      Connection: Upgrade\r
      Sec-WebSocket-Version: 13\r
      Sec-WebSocket-Key: \(key)\r

      """
    if let token { head += "Authorization: Bearer \(token)\r\n" }
    if let offer { head += "Sec-WebSocket-Extensions: \(offer.field)\r\n" }
    return head + "\r\n"
  }

  /// Checks the response head, without its empty last line.
  ///
  /// - Parameter offer: of compression, as in the request.
  /// - Returns: what was agreed about compression; nil: there is none.
  /// - Throws: `Refusal` unless the server switched to WebSocket.
  @discardableResult
  func verify(
    _ head: String, offer: PermessageDeflate.Offer? = nil
  ) throws(Refusal) -> PermessageDeflate.Parameters? {
    func malformed(_ message: String) -> Refusal {
      Refusal(label: Self.malformedLabel, message: message)
    }
    // A head is lines that end in CRLF, which Swift takes for one character.
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
    guard let statusLine = lines.first, statusLine.hasPrefix("HTTP/1.1 ") else {
      throw malformed("the answer is not HTTP/1.1")
    }
    let status = statusLine.dropFirst("HTTP/1.1 ".count)
    let code = status.prefix(3)
    guard code.utf8.count == 3, code.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw malformed("the answer has no status code")
    }
    guard code == "101" else {
      throw Refusal(label: "http_\(code)", message: "HTTP \(status)")
    }

    var upgrade = false
    var connection = false
    var accept: Substring?
    var extensions: [Substring] = []
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].trimmingSpaces()
      switch line[..<colon].lowercased() {
      case "upgrade": upgrade = value.lowercased() == "websocket"
      case "connection":
        connection = value.lowercased().split(separator: ",")
          .contains { $0.trimmingSpaces() == "upgrade" }
      case "sec-websocket-accept": accept = value
      case "sec-websocket-extensions": extensions.append(value)
      // §4.1: a subprotocol that was not asked for fails the connection.
      case "sec-websocket-protocol":
        throw malformed("the server chose \(line[..<colon]), which was not offered")
      default: break
      }
    }
    guard upgrade, connection else { throw malformed("101 without Upgrade: websocket") }
    guard let accept, accept == expectedAccept else {
      throw malformed("Sec-WebSocket-Accept does not match the key")
    }
    return try Self.parameters(
      offer: offer, answer: extensions.isEmpty ? nil : extensions.joined(separator: ","))
  }

  /// A label for answers that are no proper ones.
  static let malformedLabel = "bad_upgrade"

  /// What the server's `Sec-WebSocket-Extensions` means (RFC 6455 §4.1, RFC 7692 §7.1), over either version of HTTP.
  static func parameters(
    offer: PermessageDeflate.Offer?, answer: String?
  ) throws(Refusal) -> PermessageDeflate.Parameters? {
    guard let answer else { return nil }
    guard let offer else {
      throw Refusal(
        label: malformedLabel,
        message: "the server chose Sec-WebSocket-Extensions, which was not offered")
    }
    do throws(PermessageDeflate.BadResponse) {
      return try offer.parameters(answeredBy: answer)
    } catch {
      throw Refusal(label: malformedLabel, message: error.description)
    }
  }

  /// §4.2.2: SHA-1 of the key and a fixed text.
  var expectedAccept: String { Self.accept(key) }

  /// The `Sec-WebSocket-Accept` that belongs to a key.
  static func accept(_ key: String) -> String {
    let digest = Insecure.SHA1.hash(data: Data((key + acceptSuffix).utf8))
    return Data(digest).base64EncodedString()
  }

  private static let acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
}

extension Substring {
  fileprivate func trimmingSpaces() -> Substring {
    var result = self[...]
    while let first = result.first, first == " " || first == "\t" { result.removeFirst() }
    while let last = result.last, last == " " || last == "\t" { result.removeLast() }
    return result
  }
}

extension UpgradeHandshake.Refusal {
  /// A response that is no acceptance.
  init(status: Int) {
    self.init(label: "http_\(status)", message: "HTTP \(status)")
  }
}
