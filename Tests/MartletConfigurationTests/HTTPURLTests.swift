import MartletCore
import Testing

@testable import MartletConfiguration

@Suite struct HTTPURLTests {
  @Test(
    arguments: [
      ("https://id.example/jwks.json", true, "id.example", 443),
      ("http://10.0.0.1", false, "10.0.0.1", 80),
      ("HTTPS://id.example:8443?x=/y", true, "id.example", 8_443),
      ("http://[::1]:9000/a/b?c=d", false, "::1", 9_000),
      ("https://[2001:db8::1]/", true, "2001:db8::1", 443),
    ])
  func `A URL leads to a host`(text: String, isEncrypted: Bool, host: String, port: Int) throws {
    let url = try #require(HTTPURL(text))
    #expect(url.isEncrypted == isEncrypted && url.text == text)
    #expect(url.address == HostAndPort(host: host, port: port))
  }

  @Test(arguments: [
    "", "https:", "https://", "https:///path", "//id.example/", "id.example/keys", "ftp://a/",
    "https://user:password@id.example/", "https://id.example@evil.example/", "https://a/#fragment",
    "https://a b/", "https://a/\n", "https://a\\b/", "https://é.example/", "https://a:0/",
    "https://a:65536/", "https://a:x/", "https://a:/", "file:///etc/passwd", "https:a",
    "unix:///run/app.sock", "http+unix://x/",
  ])
  func `What could lead elsewhere is no URL`(text: String) {
    #expect(HTTPURL(text) == nil)
  }

  @Test func `Only addresses of this machine are loopback`() throws {
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "[::1]"] {
      #expect(try #require(HTTPURL("http://\(host)/")).isLoopback, "\(host)")
    }
    for host in [
      "localhost.example", "127.0.0.1.example", "127.1", "127.0.0.256", "1127.0.0.1", "128.0.0.1",
      "127.0.0.+1", "[::2]", "[::ffff:10.0.0.1]", "localhost.",
    ] {
      #expect(try !#require(HTTPURL("http://\(host)/")).isLoopback, "\(host)")
    }
  }
}
