import MartletCore
import Testing

@testable import MartletLoadTest

@Suite struct SettingsTests {
  @Test(arguments: [
    ("ws://a", Target(host: "a", port: 80)), ("ws://a:8080/", Target(host: "a", port: 8080)),
    ("wss://a", Target(host: "a", port: 443, isSecure: true)),
    ("wss://a:9", Target(host: "a", port: 9, isSecure: true)),
    ("ws://[::1]:9", Target(host: "::1", port: 9)), ("ws://[::1]", Target(host: "::1", port: 80)),
  ])
  func `A target is read`(text: String, target: Target) throws {
    #expect(try Target.parseList(text) == [target])
  }

  @Test(arguments: [
    "", "a:1", "http://a", "wss://", "wss://a/b", "ws://", "ws://a:0", "ws://a:65536", "ws://a:x",
    "ws://a/b",
    "ws://a?x", "ws://u@a", "ws://::1", "ws://[::1", "ws://[::1]x", "ws://a,", "ws://a b",
  ])
  func `A malformed target is refused`(text: String) {
    let error = #expect(throws: SettingsError.self) { try Target.parseList(text) }
    #expect(error?.option == "--target")
  }

  @Test func `Durations are a whole number and a unit`() {
    #expect(DurationText.parse("250ms") == .milliseconds(250))
    #expect(DurationText.parse("30s") == .seconds(30))
    #expect(DurationText.parse("10m") == .seconds(600))
    #expect(DurationText.parse("1h") == .seconds(3600))
    for text in [
      "", "5", "s", "-1s", "1.5s", "1 s", "+1s", "99999999999999999999s", "9999999999999999h",
    ] {
      #expect(DurationText.parse(text) == nil)
    }
    for text in ["0s", "1ms", "1500ms", "30s", "10m", "2h"] {
      #expect(DurationText.parse(text).map(DurationText.format) == text)
    }
  }

  @Test func `A delay range is one duration or two, the smaller first`() throws {
    #expect(try DelayRange(parsing: "1s", option: "-").lowest == .seconds(1))
    let range = try DelayRange(parsing: "100ms-1s", option: "-")
    #expect(range == DelayRange(lowest: .milliseconds(100), highest: .seconds(1)))
    #expect(range.text == "100ms-1s")
    for text in ["", "1s-", "1s-100ms", "1s-2s-3s"] {
      #expect(throws: SettingsError.self) { try DelayRange(parsing: text, option: "-") }
    }
  }

  @Test func `A report file that cannot be written is refused before the run`() {
    for path in ["", "/", "/no/such/folder/x.json"] {
      let error = #expect(throws: SettingsError.self) { try ReportFile.check(path) }
      #expect(error?.option == "--json")
    }
  }
}
