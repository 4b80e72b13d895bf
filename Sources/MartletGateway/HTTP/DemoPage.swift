internal import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

/// The page at `/` on which two tabs can talk.
enum DemoPage {
  /// The page, told which route it may use.
  static func response(_ routing: RoutingTable) -> HTTPResponse {
    let route = routing.routes.first { $0.access.allowsAnonymous && $0.hasPresence }
    let path = route.map { JSONText.quoted($0.path.text) } ?? "null"
    let page = String(decoding: PackageResources.demo_html, as: UTF8.self)
      .split(separator: "\"ROUTE_PATH\"", maxSplits: 1)
      .joined(separator: path)
    return HTTPResponse(
      .ok, contentType: "text/html; charset=utf-8", body: ByteBuffer(string: page))
  }
}
