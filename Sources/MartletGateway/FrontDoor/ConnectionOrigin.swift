internal import MartletCore
internal import NIOCore
internal import NIOHTTP1

/// Where a connection comes from, for backends only.
struct ConnectionOrigin {
  /// In bytes: it is kept for each connection.
  private static let maximumUserAgent = 256

  var address: String?
  var userAgent: String?

  init(_ request: ClientRequest) {
    address = request.address?.ipAddress
    userAgent = request.head.headers.first(name: "User-Agent").map {
      String(decoding: $0.utf8.prefix(Self.maximumUserAgent), as: UTF8.self)
    }
  }

  /// `{"ip":…,"user_agent":…}`
  var json: String {
    let fields = [("ip", address), ("user_agent", userAgent)].compactMap { name, value in
      value.map { #""\#(name)":"# + JSONText.quoted($0) }
    }
    return "{" + fields.joined(separator: ",") + "}"
  }
}
