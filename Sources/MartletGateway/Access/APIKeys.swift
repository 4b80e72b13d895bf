internal import MartletConfiguration
internal import MartletCore
internal import MartletDaemon
internal import MartletTLS
internal import NIOHTTP1

/// The bearer keys of the HTTP API, and whom each may speak of (docs/protocol.md, HTTP API).
struct APIKeys: Sendable {
  private let keys: [Configuration.APIKey]
  private let hasTenants: Bool

  init(_ keys: [Configuration.APIKey], hasTenants: Bool) {
    self.keys = keys
    self.hasTenants = hasTenants
  }

  /// Whose groups and users the request speaks of; nil in a cluster without tenants.
  ///
  /// Throws without a good key, and unless the key and the query's `tenant` together name one tenant.
  func tenant(of request: HTTPRequest) throws(Refusal) -> TenantName? {
    let key = try key(of: request)
    let text = request.query["tenant"]
    guard hasTenants else {
      guard text == nil else {
        throw Refusal(.badParameter, "tenant has no meaning in a cluster without tenants")
      }
      return nil
    }
    guard let text else {
      guard let tenant = key.tenant else {
        throw Refusal(
          .badParameter,
          "tenant is missing: this key is for the whole cluster, so that ?tenant=… has to name one")
      }
      return tenant
    }
    guard let named = TenantName(text) else {
      throw Refusal(.badParameter, "tenant is \(TenantName.rule)")
    }
    guard key.tenant == nil || key.tenant == named else {
      throw Refusal(.badParameter, "tenant is another one than that of this key")
    }
    return named
  }

  private func key(of request: HTTPRequest) throws(Refusal) -> Configuration.APIKey {
    let header = request.head.headers.first(name: "Authorization") ?? ""
    let parts = header.split(separator: " ", maxSplits: 1)
    let given = parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : nil
    // Every key is compared, so that the time tells nothing about which one was close.
    let equal = keys.filter { OpenSSL.constantTimeEqual($0.key, given ?? "") }
    guard given != nil, let key = equal.first else {
      throw Refusal(.unauthorized, "the API needs Authorization: Bearer and one of api_keys")
    }
    return key
  }
}
