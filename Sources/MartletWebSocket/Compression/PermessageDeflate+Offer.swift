extension PermessageDeflate {
  /// What a client proposes (RFC 7692 §7.1).
  package struct Offer: Hashable, Sendable {
    /// `client_max_window_bits` (RFC 7692 §7.1.2.2).
    package enum ClientWindow: Hashable, Sendable {
      /// The server may not ask for a smaller window.
      case fixed
      /// It may.
      case negotiable
      /// It may; the client uses at most so many bits, 8 to 15, in any case.
      case atMost(Int)
    }

    package var serverNoContextTakeover: Bool
    /// A hint: the client does without, whatever the server answers.
    package var clientNoContextTakeover: Bool
    /// 8 to 15; nil: as the server likes.
    package var serverMaxWindowBits: Int?
    package var clientWindow: ClientWindow

    package init(
      serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false,
      serverMaxWindowBits: Int? = nil, clientWindow: ClientWindow = .negotiable
    ) {
      self.serverNoContextTakeover = serverNoContextTakeover
      self.clientNoContextTakeover = clientNoContextTakeover
      self.serverMaxWindowBits = serverMaxWindowBits
      self.clientWindow = clientWindow
    }

    /// Nil for another extension, and for an offer that has to be declined because a parameter is
    /// unknown, is there twice or has a value that it cannot have (RFC 7692 §7.1).
    package init?(_ element: ExtensionList.Element) {
      guard let parameters = ParameterSet(element) else { return nil }
      self.init(clientWindow: .fixed)
      serverNoContextTakeover = parameters.serverNoContextTakeover
      clientNoContextTakeover = parameters.clientNoContextTakeover
      switch parameters.serverMaxWindowBits {
      case .absent: break
      case .withoutValue: return nil
      case .bits(let bits): serverMaxWindowBits = bits
      }
      switch parameters.clientMaxWindowBits {
      case .absent: break
      case .withoutValue: clientWindow = .negotiable
      case .bits(let bits): clientWindow = .atMost(bits)
      }
    }

    /// One element of `Sec-WebSocket-Extensions` in a request.
    package var field: String {
      var field = PermessageDeflate.name
      if serverNoContextTakeover { field += "; server_no_context_takeover" }
      if clientNoContextTakeover { field += "; client_no_context_takeover" }
      if let serverMaxWindowBits { field += "; server_max_window_bits=\(serverMaxWindowBits)" }
      switch clientWindow {
      case .fixed: break
      case .negotiable: field += "; client_max_window_bits"
      case .atMost(let bits): field += "; client_max_window_bits=\(bits)"
      }
      return field
    }

    /// The server's side. Nil if the offer asks for what the server cannot do.
    func accepted(by configuration: Configuration) -> Agreement? {
      // A window of 8 bits (RFC 7692 §7.1.2.1): zlib deflates raw streams with 9 or more only.
      guard serverMaxWindowBits ?? 15 >= 9 else { return nil }
      var response = PermessageDeflate.name
      var parameters = Parameters(
        serverNoContextTakeover: serverNoContextTakeover || configuration.serverNoContextTakeover,
        clientNoContextTakeover: clientNoContextTakeover || configuration.clientNoContextTakeover,
        serverMaxWindowBits: min(serverMaxWindowBits ?? 15, configuration.serverMaxWindowBits))
      if parameters.serverNoContextTakeover { response += "; server_no_context_takeover" }
      if parameters.clientNoContextTakeover { response += "; client_no_context_takeover" }
      // An offered one has to be answered, also if it is 15.
      if serverMaxWindowBits != nil || parameters.serverMaxWindowBits < 15 {
        response += "; server_max_window_bits=\(parameters.serverMaxWindowBits)"
      }
      let clientBits: Int? =
        switch clientWindow {
        case .fixed: nil
        case .negotiable: configuration.clientMaxWindowBits
        case .atMost(let bits): min(bits, configuration.clientMaxWindowBits)
        }
      if let clientBits, clientBits < 15 {
        parameters.clientMaxWindowBits = clientBits
        response += "; client_max_window_bits=\(clientBits)"
      }
      return Agreement(parameters: parameters, response: response)
    }
  }
}
