/// The value of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).
package struct ExtensionList: Equatable, Sendable {
  /// One extension with its parameters, in order.
  package struct Element: Equatable, Sendable {
    package struct Parameter: Equatable, Sendable {
      package var name: String
      /// Without quotes; nil if there is none.
      package var value: String?

      package init(name: String, value: String?) {
        self.name = name
        self.value = value
      }
    }

    package var name: String
    package var parameters: [Parameter]

    package init(name: String, parameters: [Parameter]) {
      self.name = name
      self.parameters = parameters
    }
  }

  /// The field is not a list of extensions: the handshake has failed (RFC 6455 §9.1).
  package struct SyntaxError: Error, Equatable, CustomStringConvertible {
    /// Where the field went wrong, in bytes.
    package var offset: Int
    package var expected: String

    package var description: String {
      "Sec-WebSocket-Extensions is not a list of extensions: expected \(expected) at byte \(offset) "
        + "(RFC 6455 §9.1)"
    }
  }

  package var elements: [Element]

  /// - Parameter field: several fields of this name are joined by commas. Empty elements are skipped
  ///   (RFC 9110 §5.6.1.2).
  package init(parsing field: String) throws(SyntaxError) {
    var parser = Parser(bytes: Array(field.utf8))
    elements = try parser.list()
  }
}

extension ExtensionList {
  private struct Parser {
    let bytes: [UInt8]
    var offset = 0

    private static let separators = Set("()<>@,;:\\\"/[]?={}".utf8)

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    init(bytes: [UInt8]) {
      self.bytes = bytes
    }

    mutating func list() throws(SyntaxError) -> [Element] {
      var elements: [Element] = []
      while true {
        skipSpace()
        if current != UInt8(ascii: ","), current != nil { elements.append(try element()) }
        guard current != nil else { return elements }
        guard take(",") else { throw error("',' or ';'") }
      }
    }

    private mutating func element() throws(SyntaxError) -> Element {
      var element = Element(name: try token("an extension"), parameters: [])
      skipSpace()
      while take(";") {
        skipSpace()
        let name = try token("a parameter")
        skipSpace()
        var value: String?
        if take("=") {
          skipSpace()
          value = current == UInt8(ascii: "\"") ? try quoted() : try token("a value")
          skipSpace()
        }
        element.parameters.append(Element.Parameter(name: name, value: value))
      }
      return element
    }

    private mutating func token(_ what: String) throws(SyntaxError) -> String {
      let start = offset
      while let byte = current, Self.isTokenByte(byte) { offset += 1 }
      guard offset > start else { throw error(what) }
      return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// What is in the quotes has to be a token, too.
    private mutating func quoted() throws(SyntaxError) -> String {
      offset += 1
      var value: [UInt8] = []
      while let byte = current, byte != UInt8(ascii: "\"") {
        if byte == UInt8(ascii: "\\") { offset += 1 }
        guard let byte = current, Self.isTokenByte(byte) else { throw error("a value") }
        value.append(byte)
        offset += 1
      }
      guard take("\"") else { throw error("'\"'") }
      guard !value.isEmpty else { throw error("a value") }
      return String(decoding: value, as: UTF8.self)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard current == UInt8(ascii: character) else { return false }
      offset += 1
      return true
    }

    private mutating func skipSpace() {
      while current == UInt8(ascii: " ") || current == UInt8(ascii: "\t") { offset += 1 }
    }

    private func error(_ expected: String) -> SyntaxError {
      SyntaxError(offset: offset, expected: expected)
    }

    /// RFC 2616 §2.2, to which RFC 6455 refers.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
      byte > 0x20 && byte < 0x7F && !separators.contains(byte)
    }
  }
}
