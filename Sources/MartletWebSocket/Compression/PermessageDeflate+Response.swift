extension PermessageDeflate {
  /// A server's answer that does not follow from the offer: the handshake has failed (RFC 7692 §7.1).
  package struct BadResponse: Error, Equatable, CustomStringConvertible {
    package var problem: String

    package var description: String {
      "Sec-WebSocket-Extensions of the server: \(problem)"
    }
  }
}

extension PermessageDeflate.Offer {
  /// The client's side: what the server's answer means for a client that offered this and nothing else.
  ///
  /// - Parameter field: the value of `Sec-WebSocket-Extensions` in the response; nil without.
  /// - Returns: nil if the server does without compression.
  package func parameters(
    answeredBy field: String?
  ) throws(PermessageDeflate.BadResponse) -> PermessageDeflate.Parameters? {
    guard let field else { return nil }
    let elements: [ExtensionList.Element]
    do throws(ExtensionList.SyntaxError) {
      elements = try ExtensionList(parsing: field).elements
    } catch {
      throw .init(problem: error.description)
    }
    guard let element = elements.first else { return nil }
    guard elements.count == 1, element.name == PermessageDeflate.name else {
      throw .init(problem: "an extension that was not offered (RFC 6455 §4.1)")
    }
    guard let answer = ParameterSet(element) else {
      throw .init(problem: "a parameter is unknown, twice or has a bad value (RFC 7692 §7.1)")
    }
    guard answer.serverNoContextTakeover || !serverNoContextTakeover else {
      throw .init(problem: "server_no_context_takeover is missing (RFC 7692 §7.1.1.1)")
    }
    return PermessageDeflate.Parameters(
      serverNoContextTakeover: answer.serverNoContextTakeover,
      clientNoContextTakeover: clientNoContextTakeover || answer.clientNoContextTakeover,
      serverMaxWindowBits: try serverWindow(answer.serverMaxWindowBits),
      clientMaxWindowBits: try clientWindow(answer.clientMaxWindowBits))
  }

  private func serverWindow(
    _ answer: ParameterSet.WindowBits
  ) throws(PermessageDeflate.BadResponse) -> Int {
    switch answer {
    case .absent where serverMaxWindowBits == nil: return 15
    case .bits(let bits) where bits <= serverMaxWindowBits ?? 15: return bits
    default:
      throw .init(
        problem: "server_max_window_bits is not what was offered or less (RFC 7692 §7.1.2.1)")
    }
  }

  private func clientWindow(
    _ answer: ParameterSet.WindowBits
  ) throws(PermessageDeflate.BadResponse) -> Int {
    // zlib cannot deflate with 8 bits, so an answer of 8 is one that this client cannot follow.
    switch (clientWindow, answer) {
    case (.fixed, .absent), (.negotiable, .absent): return 15
    case (.atMost(let most), .absent) where most >= 9: return most
    case (.negotiable, .bits(let bits)) where bits >= 9: return bits
    case (.atMost(let most), .bits(let bits)) where bits >= 9 && bits <= most: return bits
    default:
      throw .init(
        problem: "client_max_window_bits is not what was offered or less (RFC 7692 §7.1.2.2)")
    }
  }
}
