import MartletTestSupport
import Testing

@testable import MartletGateway

/// Whom the keys of the HTTP API may speak of.
@Suite struct APIKeyTests {
  /// Every request that there is, about room 7 or ann.
  private static let requests: [(method: String, target: String, body: String)] = [
    ("POST", "/api/publish", #"{"group":"room_7","event":{"type":"x"}}"#),
    ("GET", "/api/history/room_7", ""), ("GET", "/api/presence/room_7", ""),
    ("GET", "/api/presence/room_7/count", ""), ("POST", "/api/presence", #"{"groups":["room_7"]}"#),
    ("GET", "/api/users/ann", ""), ("POST", "/api/users", #"{"users":["ann"]}"#),
    ("PUT", "/api/users/ann/status", #"{"status":"away"}"#),
  ]

  @Test func `A key of the whole cluster says which tenant it means`() async throws {
    try await TenantGateway.with { cluster in
      for (method, target, body) in Self.requests {
        for (query, message) in [
          ("", "tenant is missing"), ("?tenant=", "1 to 64 bytes"), ("?tenant=a/b", "1 to 64"),
          ("?tenant=a%2Fb", "1 to 64"), ("?tenant", "1 to 64"),
        ] {
          let response = try await cluster.api(
            method, target + query, key: TenantGateway.clusterKey, body: body)
          #expect(response.status == 400, "\(method) \(target)\(query)")
          let error = try response.json()
          #expect(error.text("error.code") == "bad_parameter")
          #expect(error.text("error.message")?.contains(message) == true, "\(target)\(query)")
        }
        let response = try await cluster.api(
          method, target + "?tenant=acme", key: TenantGateway.clusterKey, body: body)
        #expect(response.status == 200, "\(method) \(target)")
        #expect(!response.body.contains("acme"))
      }
      // What was done in the name of a tenant is seen with its own key, and with no other.
      #expect(
        try await cluster.ask("acme", "GET", "/api/history/room_7").objects("publications").count
          == 1)
      #expect(
        try await cluster.ask("beta", "GET", "/api/history/room_7").list("publications") == [])
    }
  }

  @Test func `A key of a tenant is for that one only`() async throws {
    try await TenantGateway.with { cluster in
      let key = TenantGateway.key(of: "acme")
      for (method, target, body) in Self.requests {
        let own = try await cluster.api(method, target + "?tenant=acme", key: key, body: body)
        #expect(own.status == 200, "\(method) \(target)")
        let other = try await cluster.api(method, target + "?tenant=beta", key: key, body: body)
        #expect(other.status == 400, "\(method) \(target)")
        #expect(try other.json().text("error.code") == "bad_parameter")
      }
      #expect(
        try await cluster.ask("beta", "GET", "/api/history/room_7").list("publications") == [])
      for wrong in ["", "an-api-key-of-acm", "an-api-key-of-acmf", key + "x"] {
        let response = try await cluster.api("GET", "/api/users/ann?tenant=acme", key: wrong)
        #expect(response.status == 401)
      }
    }
  }

  @Test func `In a cluster without tenants nobody names one`() async throws {
    try await TestGateway.with { gateway in
      for (method, target, body) in Self.requests {
        let response = try await gateway.api(method, target + "?tenant=acme", body: body)
        #expect(response.status == 400, "\(method) \(target)")
        let error = try response.json()
        #expect(error.text("error.code") == "bad_parameter")
        #expect(error.text("error.message")?.contains("without tenants") == true)
        #expect(try await gateway.api(method, target, body: body).status == 200)
      }
    }
  }
}
