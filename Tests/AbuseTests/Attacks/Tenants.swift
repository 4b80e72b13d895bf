import MartletTestSupport
import NIOCore
import Testing

extension Attack {
  private static func token(_ deed: String, _ code: Int, _ claims: String) -> Attack {
    Attack(deed, .closed(code)) { attacker in
      .closed(
        try await attacker.open("/ws/room/honest/?token=" + RawToken.valid(claims)).closeCode())
    }
  }

  private static func api(
    _ deed: String, _ status: Int, key: String, _ target: String
  ) -> Attack {
    Attack(deed, .statuses([status])) { attacker in
      try await attacker.request(
        "GET \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\n\r\n")
    }
  }

  static let tenants = [
    token("A token without a tenant", 4003, #""sub":"mallory""#),
    token("A token with an empty tenant", 4003, #""sub":"mallory","org":"""#),
    token("A tenant with a slash", 4003, #""sub":"mallory","org":"acme/room_honest""#),
    token("A tenant that leads out of itself", 4003, #""sub":"mallory","org":"../acme""#),
    token("A tenant that is a list", 4003, #""sub":"mallory","org":["acme"]"#),
    token("A tenant that stands twice", 4001, #""sub":"mallory","org":"other","org":"acme""#),
    token("A tenant with a null byte", 4003, #""sub":"mallory","org":"acme\u0000""#),
    Attack("A member of another tenant's group of the same name", .served) { attacker in
      let client = try await attacker.join(
        "/ws/room/honest/?token=" + RawToken.valid(#""sub":"ann","org":"other""#))
      try await client.send(#"{"type":"chat_message","ref":1}"#)
      // Its own publication is the first of its own group; those of the honest do not come.
      for _ in ["chat_message", "ack"] {
        #expect(try await client.message().number("offset") == 1)
      }
      return .served
    },
    api(
      "A tenant's key for another tenant", 400, key: Setting.tenantKey,
      "/api/history/room_honest?tenant=other"),
    api(
      "A tenant's key for a group with another tenant's name", 400, key: Setting.tenantKey,
      "/api/history/other%2froom_honest"),
    api("The cluster's key without a tenant", 400, key: Setting.apiKey, "/api/history/room_honest"),
    Attack("A refresh with another tenant's token", .refused("not_permitted")) { attacker in
      let client = try await attacker.join(
        "/ws/room/attackers/?token=" + RawToken.valid(#""sub":"ann","org":"acme""#))
      let other = RawToken.valid(#""sub":"ann","org":"other""#)
      try await client.send(#"{"type":"refresh","token":"\#(other)"}"#)
      let error = try await client.message(ofType: "error")
      try await Attacker.expectService(client)
      return .refused(error.text("code") ?? "")
    },
  ]
}
