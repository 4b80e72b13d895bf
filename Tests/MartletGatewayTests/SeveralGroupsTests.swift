import MartletCore
import MartletTestSupport
import Testing

/// Further groups on one connection: docs/protocol.md, Several groups.
@Suite struct SeveralGroupsTests {
  private func connect(
    _ gateway: TestGateway, _ claims: [String: JSONValue] = [:], path: String = "/ws/notifications/"
  ) async throws -> WebSocketTestClient {
    let token = try await TestGateway.token("ann", claims)
    let client = try await WebSocketTestClient.connect(port: gateway.port, path + "?token=\(token)")
    _ = try await client.message(ofType: "connection_established")
    return client
  }

  private func subscribe(
    _ client: WebSocketTestClient, _ path: String, _ more: String = ""
  ) async throws -> JSONObject {
    try await client.send(#"{"type":"subscribe","path":"\#(path)","ref":"s"\#(more)}"#)
    while true {
      // What happens in groups may come in between.
      let message = try await client.message()
      if ["subscribed", "error"].contains(message.text("type")) { return message }
    }
  }

  @Test func `A connection takes part in groups that it has subscribed to`() async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway)
      let answer = try await subscribe(client, "/ws/room/7/", #","presence":{"page":"x"}"#)
      #expect(answer["type"] == .string("subscribed") && answer["ref"] == .string("s"))
      #expect(answer["group"] == .string("room_7") && answer["position.offset"] == .number(0))
      #expect(answer.texts("members", "id") == ["ann"])
      try await client.send(
        #"{"type":"chat_message","group":"room_7","message":"hello","ref":1}"#)
      var messages: [String: JSONObject] = [:]
      while messages["ack"] == nil || messages["chat_message"] == nil {
        let message = try await client.message()
        messages[message.text("type") ?? ""] = message
      }
      let event = messages["chat_message"]
      #expect(event?.text("group") == "room_7" && event?.number("offset") == 1)
      #expect(event?.text("sender.id") == "ann")
      let ack = messages["ack"]
      #expect(ack?.text("group") == "room_7" && ack?.number("offset") == 1)
      // Its own group goes on beside it.
      _ = try await gateway.publish("user_ann", #"{"type":"new_notification"}"#)
      #expect(try await client.message(ofType: "new_notification")["group"] == .string("user_ann"))
      try await client.send(#"{"type":"presence","group":"room_7","ref":2}"#)
      #expect(try await client.message(ofType: "presence")["count"] == .number(1))
    }
  }

  @Test func `What was missed in a further group comes behind the answer`() async throws {
    try await TestGateway.with { gateway in
      let first = try await gateway.publish("room_7", #"{"type":"chat_message","n":1}"#)
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":2}"#)
      let client = try await connect(gateway)
      let epoch = try #require(first.text("epoch"))
      let answer = try await subscribe(
        client, "/ws/room/7/", #","position":{"epoch":"\#(epoch)","offset":1}"#)
      #expect(answer["recovered"] == .bool(true) && answer["position.offset"] == .number(1))
      #expect(try await client.message(ofType: "chat_message")["n"] == .number(2))
    }
  }

  @Test func `A group that is left is silent, and its members are told`() async throws {
    try await TestGateway.with { gateway in
      let watcher = try await gateway.join("7", name: "Bob")
      let client = try await connect(gateway)
      _ = try await subscribe(client, "/ws/room/7/")
      _ = try await watcher.message(ofType: "user_joined", about: "ann")
      try await client.send(#"{"type":"unsubscribe","group":"room_7","ref":9}"#)
      let left = try await client.message(ofType: "unsubscribed")
      #expect(left["group"] == .string("room_7") && left["ref"] == .number(9))
      #expect(try await watcher.message(ofType: "user_left")["user.id"] == .string("ann"))
      _ = try await gateway.publish("room_7", #"{"type":"chat_message"}"#)
      _ = try await gateway.publish("user_ann", #"{"type":"new_notification"}"#)
      let types = try await client.types(upTo: "new_notification")
      #expect(!types.contains("chat_message"))
      try await client.send(#"{"type":"chat_message","group":"room_7","ref":1}"#)
      #expect(try await client.message(ofType: "error")["code"] == .string("not_subscribed"))
    }
  }

  @Test func `Each further group is checked by the rule of its route`() async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway, ["projects": .array([.number(42)])])
      #expect(try await subscribe(client, "/ws/projects/42/")["group"] == .string("project_42"))
      #expect(try await subscribe(client, "/ws/projects/43/")["code"] == .string("not_permitted"))
      #expect(try await subscribe(client, "/nowhere/")["code"] == .string("not_found"))
      #expect(try await subscribe(client, "/ws/projects/42/")["code"] == .string("bad_parameter"))
      #expect(try await subscribe(client, "/ws/notifications/")["code"] == .string("bad_parameter"))
      #expect(try await subscribe(client, "/ws/room/{}/")["code"] == .string("bad_parameter"))
      let anonymous = try await gateway.join("1")
      #expect(
        try await subscribe(anonymous, "/ws/projects/42/")["code"] == .string("not_permitted"))
      #expect(
        try await subscribe(anonymous, "/ws/notifications/")["code"] == .string("not_permitted"))
    }
  }

  @Test func `The number of groups of a connection is limited`() async throws {
    try await TestGateway.with(limits: "{groups_per_session: 2}") { gateway in
      let client = try await connect(gateway)
      #expect(try await subscribe(client, "/ws/room/1/")["type"] == .string("subscribed"))
      let refused = try await subscribe(client, "/ws/room/2/")
      #expect(refused["code"] == .string("too_many_groups"))
      #expect(refused.text("message")?.contains("2 groups") == true)
      try await client.send(#"{"type":"unsubscribe","group":"room_1"}"#)
      _ = try await client.message(ofType: "unsubscribed")
      #expect(try await subscribe(client, "/ws/room/2/")["type"] == .string("subscribed"))
    }
  }

  @Test(arguments: [
    (#"{"type":"subscribe"}"#, "path"), (#"{"type":"subscribe","path":7}"#, "path"),
    (#"{"type":"subscribe","path":"/ws/room/1/","position":{"epoch":"e"}}"#, "position"),
    (#"{"type":"subscribe","path":"/ws/room/1/","position":[]}"#, "position"),
    (#"{"type":"subscribe","path":"/ws/room/1/","presence":7}"#, "presence"),
    (#"{"type":"subscribe","path":"/ws/room/1/","x":1}"#, "x"),
    (#"{"type":"unsubscribe"}"#, "group"), (#"{"type":"unsubscribe","group":7}"#, "group"),
    (#"{"type":"refresh"}"#, "token"), (#"{"type":"refresh","token":7}"#, "token"),
  ])
  func `A request that is wrong is told what is`(frame: String, field: String) async throws {
    try await TestGateway.with { gateway in
      let client = try await connect(gateway)
      try await client.send(frame)
      let error = try await client.message(ofType: "error")
      #expect(error["code"] == .string("malformed"))
      #expect(error.text("message")?.contains(field) == true)
      try await client.send(#"{"type":"ping"}"#)
      _ = try await client.message(ofType: "pong")
    }
  }
}

/// Tokens that are renewed on the connection.
@Suite struct TokenRefreshTests {
  @Test func `A connection whose token is renewed outlives the old one`() async throws {
    try await TestGateway.with { gateway in
      let short = try await TestGateway.token("ann", expiresIn: 3)
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(short)")
      _ = try await client.message(ofType: "connection_established")
      let notice = try await client.message(ofType: "token_expiring")
      #expect(notice["expires"] != nil)
      let long = try await TestGateway.token("ann", expiresIn: 600)
      try await client.send(#"{"type":"refresh","token":"\#(long)","ref":"r"}"#)
      let answer = try await client.message(ofType: "refreshed")
      #expect(answer["ref"] == .string("r"))
      // Longer than the first token and the sweep.
      let end = ContinuousClock.now + .seconds(5)
      try await eventually("the old token is over") { ContinuousClock.now > end }
      try await client.send(#"{"type":"ping"}"#)
      _ = try await client.message(ofType: "pong")
    }
  }

  @Test func `A token that is not accepted changes nothing`() async throws {
    try await TestGateway.with { gateway in
      let token = try await TestGateway.token("ann")
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/notifications/?token=\(token)")
      _ = try await client.message(ofType: "connection_established")
      try await client.send(#"{"type":"refresh","token":"a.b.c","ref":1}"#)
      #expect(try await client.message(ofType: "error")["code"] == .string("unauthorized"))
      let bob = try await TestGateway.token("bob")
      try await client.send(#"{"type":"refresh","token":"\#(bob)","ref":2}"#)
      #expect(try await client.message(ofType: "error")["code"] == .string("not_permitted"))
      _ = try await gateway.publish("user_ann", #"{"type":"new_notification"}"#)
      _ = try await client.message(ofType: "new_notification")
    }
  }

  @Test func `A token that allows less ends what it does not allow`() async throws {
    try await TestGateway.with { gateway in
      func token(_ projects: [Double]) async throws -> String {
        try await TestGateway.token("ann", ["projects": .array(projects.map { .number($0) })])
      }
      let client = try await WebSocketTestClient.connect(
        port: gateway.port, "/ws/projects/1/?token=\(token([1, 2]))")
      _ = try await client.message(ofType: "connection_established")
      try await client.send(#"{"type":"subscribe","path":"/ws/projects/2/"}"#)
      _ = try await client.message(ofType: "subscribed")
      try await client.send(#"{"type":"refresh","token":"\#(token([1]))"}"#)
      _ = try await client.message(ofType: "refreshed")
      let left = try await client.message(ofType: "unsubscribed")
      #expect(left["group"] == .string("project_2") && left["code"] == .string("not_permitted"))
      try await client.send(#"{"type":"refresh","token":"\#(token([]))"}"#)
      #expect(try await client.closeCode() == 4003)
    }
  }
}
