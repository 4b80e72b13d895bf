import Testing

@testable import MartletHTTP2

@Suite struct PrefaceTests {
  private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  @Test func `The preface is recognised, with and without what follows`() {
    #expect(HTTP2Preface.matches(preface) == .yes)
    #expect(HTTP2Preface.matches(preface + [0, 0, 0, 4]) == .yes)
  }

  @Test func `A part of the preface needs more`() {
    for count in 0..<preface.count {
      #expect(HTTP2Preface.matches(preface.prefix(count)) == .needMore)
    }
  }

  @Test func `One other byte anywhere is no preface`() {
    for place in preface.indices {
      var other = preface
      other[place] ^= 1
      #expect(HTTP2Preface.matches(other) == .no)
      #expect(HTTP2Preface.matches(other.prefix(place + 1)) == .no)
    }
    #expect(HTTP2Preface.matches(Array("POST / HTTP/1.1\r\n".utf8)) == .no)
  }
}
