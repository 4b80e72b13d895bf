/// The parameters of permessage-deflate as they are written (RFC 7692 §7.1), in an offer or an answer.
struct ParameterSet {
  enum WindowBits: Equatable {
    case absent
    /// Only `client_max_window_bits` of an offer may come like this.
    case withoutValue
    case bits(Int)
  }

  private(set) var serverNoContextTakeover = false
  private(set) var clientNoContextTakeover = false
  private(set) var serverMaxWindowBits = WindowBits.absent
  private(set) var clientMaxWindowBits = WindowBits.absent

  /// Nil for another extension, and if a parameter is unknown, there twice, or has a value that it
  /// cannot have in either place.
  init?(_ element: ExtensionList.Element) {
    guard element.name == PermessageDeflate.name else { return nil }
    for parameter in element.parameters {
      switch (parameter.name, parameter.value) {
      case ("server_no_context_takeover", nil) where !serverNoContextTakeover:
        serverNoContextTakeover = true
      case ("client_no_context_takeover", nil) where !clientNoContextTakeover:
        clientNoContextTakeover = true
      case ("server_max_window_bits", let value) where serverMaxWindowBits == .absent:
        guard let bits = Self.windowBits(value) else { return nil }
        serverMaxWindowBits = bits
      case ("client_max_window_bits", let value) where clientMaxWindowBits == .absent:
        guard let bits = Self.windowBits(value) else { return nil }
        clientMaxWindowBits = bits
      default:
        return nil
      }
    }
  }

  /// A decimal integer without leading zeros, 8 to 15 (RFC 7692 §7.1.2.1).
  private static func windowBits(_ value: String?) -> WindowBits? {
    guard let value else { return .withoutValue }
    switch value {
    case "8", "9", "10", "11", "12", "13", "14", "15": return Int(value).map(WindowBits.bits)
    default: return nil
    }
  }
}
