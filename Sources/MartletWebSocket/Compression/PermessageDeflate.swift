/// The extension permessage-deflate (RFC 7692 §7): what two ends agree on in the handshake.
package enum PermessageDeflate {
  package static let name = "permessage-deflate"

  /// What both ends do. The compressors' obligations; each end's decompressor relies on the other's.
  package struct Parameters: Hashable, Sendable {
    /// The server's messages do not refer to earlier ones (RFC 7692 §7.1.1.1).
    package var serverNoContextTakeover: Bool
    /// The client's messages do not (RFC 7692 §7.1.1.2).
    package var clientNoContextTakeover: Bool
    /// The server refers back by less than 2^bits bytes (RFC 7692 §7.1.2.1).
    package var serverMaxWindowBits: Int
    /// The client does (RFC 7692 §7.1.2.2).
    package var clientMaxWindowBits: Int

    package init(
      serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false,
      serverMaxWindowBits: Int = 15, clientMaxWindowBits: Int = 15
    ) {
      self.serverNoContextTakeover = serverNoContextTakeover
      self.clientNoContextTakeover = clientNoContextTakeover
      self.serverMaxWindowBits = serverMaxWindowBits
      self.clientMaxWindowBits = clientMaxWindowBits
    }

    /// Whether messages that `role` sends may refer to earlier ones.
    package func hasContextTakeover(of role: WebSocketRole) -> Bool {
      role == .server ? !serverNoContextTakeover : !clientNoContextTakeover
    }

    /// How far back messages that `role` sends may refer, as a power of 2.
    package func windowBits(of role: WebSocketRole) -> Int {
      role == .server ? serverMaxWindowBits : clientMaxWindowBits
    }
  }

  /// What a server wants. It gets less, never more, memory to spend from what a client offers, except that
  /// a client that offers no `client_max_window_bits` cannot be told to use a smaller window.
  package struct Configuration: Hashable, Sendable {
    /// Our messages do not refer to earlier ones: no compressor per connection, and messages to many can
    /// be compressed once.
    package var serverNoContextTakeover: Bool
    /// The client's do not: no decompressor is kept between messages.
    package var clientNoContextTakeover: Bool
    /// 9 to 15; zlib cannot deflate with 8.
    package var serverMaxWindowBits: Int
    /// 9 to 15.
    package var clientMaxWindowBits: Int

    package init(
      serverNoContextTakeover: Bool, clientNoContextTakeover: Bool, serverMaxWindowBits: Int = 15,
      clientMaxWindowBits: Int = 15
    ) {
      precondition(
        (9...15).contains(serverMaxWindowBits) && (9...15).contains(clientMaxWindowBits),
        "windows have 9 to 15 bits")
      self.serverNoContextTakeover = serverNoContextTakeover
      self.clientNoContextTakeover = clientNoContextTakeover
      self.serverMaxWindowBits = serverMaxWindowBits
      self.clientMaxWindowBits = clientMaxWindowBits
    }
  }

  /// What a server answers.
  package struct Agreement: Hashable, Sendable {
    package var parameters: Parameters
    /// The value of `Sec-WebSocket-Extensions` in the response.
    package var response: String
  }

  /// The server's choice: the first offer that it can accept, as the order is the client's preference
  /// (RFC 7692 §5). Nil if there is none: the connection goes on without compression.
  ///
  /// - Parameter field: the value of `Sec-WebSocket-Extensions` in the request.
  /// - Throws: the field is malformed, and the handshake fails (RFC 6455 §9.1).
  package static func negotiate(
    _ field: String, _ configuration: Configuration
  ) throws(ExtensionList.SyntaxError) -> Agreement? {
    for element in try ExtensionList(parsing: field).elements {
      if let agreement = Offer(element)?.accepted(by: configuration) { return agreement }
    }
    return nil
  }
}
