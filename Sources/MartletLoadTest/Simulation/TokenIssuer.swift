internal import Crypto
internal import Foundation

/// The tokens of a behaviour's clients. A value; signing takes some microseconds.
struct TokenIssuer: Sendable {
  private let source: TokenSource
  /// Of ``TokenSource/file(_:)``.
  private let lines: [String]

  /// - Throws: `SettingsError` if a file of tokens cannot be read, or has none.
  init(_ source: TokenSource) throws(SettingsError) {
    self.source = source
    guard case .file(let path) = source else {
      lines = []
      return
    }
    let text: String
    do {
      text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
    } catch {
      throw SettingsError(option: "token.file", value: path, allowed: "a file that can be read")
    }
    lines = text.split(whereSeparator: \.isNewline).map(String.init)
    guard !lines.isEmpty else {
      throw SettingsError(option: "token.file", value: path, allowed: "a token on each line")
    }
  }

  /// - Parameters:
  ///   - fill: replaces `{client}` and the like.
  ///   - now: seconds since 1970.
  func token(client: Int, now: Int64, fill: (String) -> String) -> String? {
    switch source {
    case .none: nil
    case .fixed(let token): token
    case .file: lines[client % lines.count]
    case .signed(let algorithm, let secret, let claims, let lifetime):
      Self.sign(
        claims: fill(claims), algorithm, secret: secret, issued: now,
        expires: now + Int64(lifetime.nanoseconds / 1_000_000_000))
    }
  }

  /// A JSON Web Signature in compact form (RFC 7515 §3.1, RFC 7519 §4.1). Claims that say `iat` or `exp` themselves keep theirs.
  private static func sign(
    claims: String, _ algorithm: TokenSource.SigningAlgorithm, secret: String, issued: Int64,
    expires: Int64
  ) -> String {
    var claims = claims
    for (name, value) in [("iat", issued), ("exp", expires)] where !claims.contains("\"\(name)\"") {
      let separator = claims.contains(":") ? "," : ""
      claims = "\(claims.dropLast())\(separator)\"\(name)\":\(value)}"
    }
    let header = #"{"alg":"\#(algorithm.rawValue)","typ":"JWT"}"#
    let text = base64URL(Data(header.utf8)) + "." + base64URL(Data(claims.utf8))
    let key = SymmetricKey(data: Data(secret.utf8))
    let data = Data(text.utf8)
    let signature =
      switch algorithm {
      case .hs256: Data(HMAC<SHA256>.authenticationCode(for: data, using: key))
      case .hs384: Data(HMAC<SHA384>.authenticationCode(for: data, using: key))
      case .hs512: Data(HMAC<SHA512>.authenticationCode(for: data, using: key))
      }
    return text + "." + base64URL(signature)
  }

  /// RFC 4648 §5, without padding.
  private static func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }
}
