internal import MartletDaemon
internal import NIOHTTP1

/// Lets scripts of allowed pages read answers (the Fetch standard's CORS protocol).
struct CrossOriginSharing: Sendable {
  /// For how long a browser need not ask again, in seconds.
  private static let maximumAge = 600

  /// Nil: the request is not of a browser, or of a page on the same origin.
  private let origin: String?
  let isAllowed: Bool

  init(_ request: ClientRequest, _ services: GatewayServices) {
    origin = request.origin
    isAllowed = services.allows(origin: request.origin)
  }

  func added(to headers: HTTPHeaders) -> HTTPHeaders {
    var headers = headers
    headers.add(name: "Vary", value: "Origin")
    if let origin, isAllowed {
      headers.add(name: "Access-Control-Allow-Origin", value: origin)
      headers.add(name: "Access-Control-Expose-Headers", value: "Retry-After")
    }
    return headers
  }

  func added(to response: HTTPResponse) -> HTTPResponse {
    var response = response
    response.headers = added(to: response.headers)
    return response
  }

  /// The answer to a browser that asks whether it may ask.
  func preflight(_ methods: String) -> HTTPResponse {
    guard isAllowed else { return added(to: .text(.forbidden, "this Origin is not allowed")) }
    var response = HTTPResponse.text(.ok, "")
    response.headers.add(name: "Access-Control-Allow-Methods", value: methods)
    response.headers.add(
      name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type, Last-Event-ID")
    response.headers.add(name: "Access-Control-Max-Age", value: "\(Self.maximumAge)")
    return added(to: response)
  }
}
