package import MartletCore

/// Where the load generator itself listens, as options write it.
package enum ListenAddress {
  package static let form =
    "PORT (of 127.0.0.1), HOST:PORT, or :PORT (of all addresses), from 0 (a free one) to 65535"

  /// - Throws: `SettingsError` when `text` has none of these forms.
  package static func parse(
    _ text: String, option: String
  ) throws(SettingsError) -> HostAndPort {
    let whole =
      if text.hasPrefix(":") {
        "0.0.0.0\(text)"
      } else if Int(text) != nil {
        "127.0.0.1:\(text)"
      } else {
        text
      }
    guard let address = HostAndPort(whole) else {
      throw SettingsError(option: option, value: text, allowed: form)
    }
    return address
  }
}
