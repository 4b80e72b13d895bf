import MartletWebSocket
import Testing

/// RFC 6455 §9.1 and RFC 7692 §5, §7.1: what two ends agree on.
@Suite struct NegotiationTests {
  private typealias Offer = PermessageDeflate.Offer
  private typealias Parameters = PermessageDeflate.Parameters

  private static let willing = PermessageDeflate.Configuration(
    serverNoContextTakeover: false, clientNoContextTakeover: false)
  private static let thrifty = PermessageDeflate.Configuration(
    serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 12,
    clientMaxWindowBits: 10)

  private func answer(
    _ field: String, _ configuration: PermessageDeflate.Configuration = willing
  ) throws -> String? {
    try PermessageDeflate.negotiate(field, configuration)?.response
  }

  // MARK: RFC 6455 §9.1 The field

  @Test("§9.1: extensions and parameters, with and without quotes and space")
  func list() throws {
    let field = " a ;\tb ; c=1;d = \"2\" ;e=\"\\3\\x\", ,f,"
    let list = try ExtensionList(parsing: field)
    typealias Parameter = ExtensionList.Element.Parameter
    #expect(
      list.elements == [
        .init(
          name: "a",
          parameters: [
            Parameter(name: "b", value: nil), Parameter(name: "c", value: "1"),
            Parameter(name: "d", value: "2"), Parameter(name: "e", value: "3x"),
          ]), .init(name: "f", parameters: []),
      ])
    #expect(try ExtensionList(parsing: "").elements.isEmpty)
  }

  @Test(
    "§9.1: what is no list is refused, and the place named",
    arguments: [
      (";a", 0), ("a;", 2), ("a;;b", 2), ("a b", 2), ("a;b=", 4), ("a;b=;c", 4), ("a;=1", 2),
      ("a;b=\"", 5), ("a;b=\"\"", 6), ("a;b=\"1", 6), ("a;b=\"1 2\"", 6), ("a;b=\"\\", 6),
      ("a;b=1 2", 6), ("a/b", 1), ("ü", 0), ("a;b=\"ü\"", 5), ("a\u{0}", 1), ("a;b=\"1\"2", 7),
    ])
  func malformed(field: String, offset: Int) {
    let error = #expect(throws: ExtensionList.SyntaxError.self) {
      try ExtensionList(parsing: field)
    }
    #expect(error?.offset == offset)
    #expect(throws: ExtensionList.SyntaxError.self) {
      try PermessageDeflate.negotiate(field, Self.willing)
    }
  }

  // MARK: RFC 7692 §7.1 The server

  @Test(
    "§7.1: other extensions are not answered", arguments: ["", "x-webkit-deflate-frame", "a; b"])
  func otherExtensions(field: String) throws {
    #expect(try answer(field) == nil)
  }

  @Test(
    "§7.1: an offer with an unknown, repeated or impossible parameter is declined",
    arguments: [
      "unknown", "unknown=1", "server_no_context_takeover=1", "server_no_context_takeover=true",
      "client_no_context_takeover=1", "server_no_context_takeover; server_no_context_takeover",
      "client_no_context_takeover; client_no_context_takeover", "server_max_window_bits",
      "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=010",
      "server_max_window_bits=1x", "server_max_window_bits=9; server_max_window_bits=9",
      "client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=08",
      "client_max_window_bits=+9", "client_max_window_bits; client_max_window_bits",
      "client_max_window_bits; client_max_window_bits=9", "Server_no_context_takeover",
    ])
  func declined(parameters: String) throws {
    #expect(try answer("permessage-deflate; \(parameters)") == nil)
    // The next offer may do.
    #expect(
      try answer("permessage-deflate; \(parameters), permessage-deflate") == "permessage-deflate")
  }

  @Test("§7.1.2.1: a window of 8 bits, which zlib cannot do, is declined")
  func smallestWindow() throws {
    #expect(try answer("permessage-deflate; server_max_window_bits=8") == nil)
    #expect(
      try answer("permessage-deflate; server_max_window_bits=9")
        == "permessage-deflate; server_max_window_bits=9")
  }

  @Test("§5: the first offer that can be accepted is accepted")
  func preference() throws {
    let field =
      "permessage-deflate; server_max_window_bits=8, "
      + "permessage-deflate; server_max_window_bits=10, permessage-deflate"
    #expect(try answer(field) == "permessage-deflate; server_max_window_bits=10")
  }

  @Test(
    "§7.1: a willing server gives what is asked for",
    arguments: [
      ("", "", Parameters()),
      (
        "; server_no_context_takeover", "; server_no_context_takeover",
        Parameters(serverNoContextTakeover: true)
      ),
      (
        "; client_no_context_takeover", "; client_no_context_takeover",
        Parameters(clientNoContextTakeover: true)
      ),
      ("; server_max_window_bits=15", "; server_max_window_bits=15", Parameters()),
      (
        "; server_max_window_bits=\"11\"", "; server_max_window_bits=11",
        Parameters(serverMaxWindowBits: 11)
      ),
      ("; client_max_window_bits", "", Parameters()),
      ("; client_max_window_bits=15", "", Parameters()),
      (
        "; client_max_window_bits=8", "; client_max_window_bits=8",
        Parameters(clientMaxWindowBits: 8)
      ),
    ])
  func willing(offer: String, response: String, parameters: PermessageDeflate.Parameters) throws {
    let agreement = try PermessageDeflate.negotiate("permessage-deflate\(offer)", Self.willing)
    #expect(agreement?.response == "permessage-deflate\(response)")
    #expect(agreement?.parameters == parameters)
  }

  @Test(
    "§7.1: a thrifty server takes what it may",
    arguments: [
      (
        "",
        "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
        Parameters(
          serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 12)
      ),
      (
        "; client_max_window_bits; server_max_window_bits=14",
        "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12"
          + "; client_max_window_bits=10",
        Parameters(
          serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 12,
          clientMaxWindowBits: 10)
      ),
      (
        "; client_max_window_bits=9; server_max_window_bits=10",
        "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
          + "; client_max_window_bits=9",
        Parameters(
          serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10,
          clientMaxWindowBits: 9)
      ),
    ])
  func thrifty(offer: String, response: String, parameters: PermessageDeflate.Parameters) throws {
    let agreement = try PermessageDeflate.negotiate("permessage-deflate\(offer)", Self.thrifty)
    #expect(agreement?.response == "permessage-deflate\(response)")
    #expect(agreement?.parameters == parameters)
  }

  // MARK: RFC 7692 §7.1 The client

  @Test("§7.1: offers are written so that servers understand them")
  func offers() throws {
    let offers = [
      Offer(), Offer(clientWindow: .fixed),
      Offer(
        serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 9,
        clientWindow: .atMost(11)),
    ]
    for offer in offers {
      let element = try #require(try ExtensionList(parsing: offer.field).elements.first)
      #expect(Offer(element) == offer)
    }
    #expect(Offer().field == "permessage-deflate; client_max_window_bits")
  }

  @Test("§7.1: a client understands every answer of our server")
  func roundTrip() throws {
    for configuration in [Self.willing, Self.thrifty] {
      for server in [nil, 9, 12, 15] {
        for window in [Offer.ClientWindow.fixed, .negotiable, .atMost(9), .atMost(15)] {
          for (serverTakeover, clientTakeover) in [(false, false), (true, false), (true, true)] {
            let offer = Offer(
              serverNoContextTakeover: serverTakeover, clientNoContextTakeover: clientTakeover,
              serverMaxWindowBits: server, clientWindow: window)
            let agreement = try #require(
              try PermessageDeflate.negotiate(offer.field, configuration))
            #expect(
              try offer.parameters(answeredBy: agreement.response) == agreement.parameters)
          }
        }
      }
    }
  }

  @Test("§7.1: no answer means no compression")
  func noAnswer() throws {
    #expect(try Offer().parameters(answeredBy: nil) == nil)
    #expect(try Offer().parameters(answeredBy: "") == nil)
  }

  @Test(
    "§7.1: an answer that does not follow from the offer fails the handshake",
    arguments: [
      (Offer(), "x-other"), (Offer(), "permessage-deflate, permessage-deflate"),
      (Offer(), "permessage-deflate; unknown"), (Offer(), "permessage-deflate;"),
      (Offer(), "permessage-deflate; server_no_context_takeover=1"),
      (Offer(), "permessage-deflate; server_max_window_bits"),
      (Offer(), "permessage-deflate; server_max_window_bits=16"),
      (Offer(), "permessage-deflate; client_max_window_bits"),
      (Offer(), "permessage-deflate; client_max_window_bits=8"),
      (Offer(clientWindow: .fixed), "permessage-deflate; client_max_window_bits=15"),
      (Offer(clientWindow: .atMost(10)), "permessage-deflate; client_max_window_bits=11"),
      (Offer(serverMaxWindowBits: 10), "permessage-deflate"),
      (Offer(serverMaxWindowBits: 10), "permessage-deflate; server_max_window_bits=11"),
      (Offer(serverNoContextTakeover: true), "permessage-deflate"),
    ])
  func badAnswers(offer: PermessageDeflate.Offer, answer: String) {
    #expect(throws: PermessageDeflate.BadResponse.self) {
      try offer.parameters(answeredBy: answer)
    }
  }

  @Test("§7.1.1, §7.1.2: a server may ask for less than was offered")
  func unaskedAnswers() throws {
    let answer =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
      + "; server_max_window_bits=8; client_max_window_bits=9"
    let expected = Parameters(
      serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 8,
      clientMaxWindowBits: 9)
    #expect(try Offer().parameters(answeredBy: answer) == expected)
  }
}
