internal import NIOHTTP1

extension HTTPHeaders {
  /// Whether `Connection` has the option (RFC 9110 §7.6.1), which is given in lower case.
  func hasConnectionOption(_ option: String) -> Bool {
    self[canonicalForm: "Connection"].contains { $0.lowercased() == option }
  }
}

extension HTTPRequestHead {
  /// Whether NIO's parser stops behind this request, since another protocol may follow.
  var endsParsing: Bool {
    headers.contains(name: "Upgrade") && headers.hasConnectionOption("upgrade")
  }
}
