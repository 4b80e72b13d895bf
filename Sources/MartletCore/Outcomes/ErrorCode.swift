/// Why a request was refused: the one table behind `error` frames and HTTP errors
/// (docs/protocol.md, Error codes).
package enum ErrorCode: String, CaseIterable, Sendable {
  case malformed
  case missingType = "missing_type"
  case unknownType = "unknown_type"
  case reservedField = "reserved_field"
  case tooLarge = "too_large"
  case binary
  case badParameter = "bad_parameter"
  case unauthorized
  case notPermitted = "not_permitted"
  case notFound = "not_found"
  case methodNotAllowed = "method_not_allowed"
  case unavailable

  /// The status of an HTTP answer with this error.
  package var httpStatus: Int {
    switch self {
    case .malformed, .missingType, .unknownType, .reservedField, .binary, .badParameter: 400
    case .unauthorized: 401
    case .notPermitted: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .tooLarge: 413
    case .unavailable: 503
    }
  }
}

/// A refused request: what was wrong, and what is allowed.
package struct Refusal: Error, Equatable {
  package var code: ErrorCode
  /// For the person who wrote the client.
  package var message: String

  package init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message
  }
}
