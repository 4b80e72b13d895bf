internal import Foundation
internal import MartletCore
internal import MartletDaemon
internal import MartletTLS
internal import MartletWebSocket
internal import NIOCore
internal import NIOHTTP1

extension FrontDoor {
  /// The server's half of the opening handshake. Who may not enter is told behind it, by a close code.
  func openWebSocket(
    _ request: ClientRequest, _ handshake: ClientRequest.WebSocketHandshake
  ) -> ClientAnswer {
    if let busy = busy() { return .response(busy) }
    let isEcho = services.routing.isEcho(request.path)
    let match = services.routing.match(request.path)
    guard isEcho || match != nil else {
      return refuse(.notFound, "there is no \(request.path.prefix(200))")
    }
    if let match, !match.route.group.mentionsUser,
      GroupName(match.route.group.filled(match.variables, user: "")) == nil
    {
      return refuse(.badParameter, "the path leads to no valid group name")
    }
    guard services.allows(origin: request.origin) else {
      return refuse(.notPermitted, "this Origin is not allowed")
    }
    guard request.head.headers.first(name: "Sec-WebSocket-Version") == "13" else {
      // RFC 6455 §4.4
      var response = GatewayAPI.response(
        Refusal(.badParameter, "Sec-WebSocket-Version must be 13"))
      response.status = .upgradeRequired
      response.headers.replaceOrAdd(name: "Sec-WebSocket-Version", value: "13")
      return .response(response)
    }
    var headers = HTTPHeaders()
    if handshake == .upgrade {
      guard let accept = WebSocketUpgrade.accept(request.head) else {
        return refuse(
          .badParameter, "an upgrade is an HTTP/1.1 GET with one Sec-WebSocket-Key of 16 bytes")
      }
      headers = WebSocketUpgrade.headers(accept)
    }
    guard Handshake.hasValidSubprotocols(request.head) else {
      return refuse(.badParameter, "Sec-WebSocket-Protocol is a list of tokens")
    }
    if let subprotocol = Handshake.subprotocol(request.head) {
      headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol)
    }
    let compression: MessageCompression?
    do throws(ExtensionList.SyntaxError) {
      compression = try negotiate(request.head, &headers)
    } catch {
      return refuse(.badParameter, "\(error)")
    }
    let begin: (any ByteStream) -> Void = { [self] stream in
      let connection = WebSocketConnection(
        stream, handshake == .upgrade ? .webSocket : .webSocketOverHTTP2, limits: services.limits,
        compression: compression)
      stream.delegate = connection
      if let match, !isEcho { serve(connection, request, match) } else { serveEcho(connection) }
    }
    return .stream(
      StreamOpening(
        status: handshake == .upgrade ? .switchingProtocols : .ok, headers: headers,
        begin: NIOLoopBound(begin, eventLoop: hub.eventLoop)))
  }

  private func refuse(_ code: ErrorCode, _ message: String) -> ClientAnswer {
    .response(GatewayAPI.response(Refusal(code, message)))
  }

  /// Several fields are one list (RFC 6455 §9.1).
  private func negotiate(
    _ head: HTTPRequestHead, _ headers: inout HTTPHeaders
  ) throws(ExtensionList.SyntaxError) -> MessageCompression? {
    let offers = head.headers["Sec-WebSocket-Extensions"].joined(separator: ",")
    guard !offers.isEmpty, let settings = services.limits.compression,
      let agreement = try PermessageDeflate.negotiate(offers, settings.negotiation)
    else { return nil }
    headers.add(name: "Sec-WebSocket-Extensions", value: agreement.response)
    return MessageCompression(agreement.parameters, settings, hub.compressors)
  }

  private func serveEcho(_ connection: WebSocketConnection) {
    let session = EchoSession(connection, hub: hub)
    hub.open(session) { connection.attach(session) }
  }

  /// Checks who comes. What the client sends meanwhile waits.
  private func serve(
    _ connection: WebSocketConnection, _ request: ClientRequest, _ match: RoutingTable.Match
  ) {
    let bound = NIOLoopBound((self, connection), eventLoop: hub.eventLoop)
    admit(request, match).whenSuccess { decision in
      let (door, connection) = bound.value
      door.serve(decision, request, connection)
    }
  }

  private func serve(
    _ decision: Admission.Decision, _ request: ClientRequest, _ connection: WebSocketConnection
  ) {
    guard connection.isAdmitting else { return }
    switch decision {
    case .refused(let reason, let refusal):
      hub.refused(connection, reason, refusal)
    case .admitted(let admitted):
      open(admitted, request, over: connection, until: hub.endOfConnection()) {
        connection.attach($0)
      }
    }
  }
}

/// The HTTP/1.1 form of the handshake (RFC 6455 §4.2.2).
enum WebSocketUpgrade {
  /// Concatenated to the client's key (RFC 6455 §1.3).
  private static let keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// Whether the request asks for a WebSocket.
  static func isWanted(by head: HTTPRequestHead) -> Bool {
    head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
      && head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
  }

  /// Whether something stands between the request and what follows its answer.
  static func hasBody(_ head: HTTPRequestHead) -> Bool {
    head.headers.contains(name: "Transfer-Encoding")
      || head.headers.first(name: "Content-Length").map { $0 != "0" } ?? false
  }

  /// The answer to the client's key: 16 bytes in base64. Nil if the request is no handshake.
  static func accept(_ head: HTTPRequestHead) -> String? {
    let keys = head.headers["Sec-WebSocket-Key"]
    guard head.method == .GET, head.version == .http1_1, keys.count == 1,
      Data(base64Encoded: keys[0])?.count == 16
    else { return nil }
    return Data(OpenSSL.sha1(Array((keys[0] + keySuffix).utf8))).base64EncodedString()
  }

  static func headers(_ accept: String) -> HTTPHeaders {
    ["Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Accept": accept]
  }
}
