extension Configuration {
  /// Compression of WebSocket messages (RFC 7692).
  package struct Compression: Sendable {
    package var isEnabled = true
    /// Smaller messages are sent as they are, in bytes.
    package var floor = 512
    /// 1 (fast) to 9 (small).
    package var level = 3
    /// 2^bits bytes of memory: how far back the server's messages refer.
    package var windowBits = 13
    /// Messages refer to earlier ones of their connection: smaller, but each connection keeps a compressor, and a
    /// publication is compressed for each member.
    package var hasContextTakeover = false
  }

  /// Server-sent events.
  package struct EventStream: Sendable {
    package var heartbeat = Duration.seconds(30)
    package var duration = Duration.seconds(3_600)
    package var retry = Duration.seconds(3)
  }

  /// HTTP long polling.
  package struct LongPoll: Sendable {
    package var wait = Duration.seconds(25)
    package var maximumWait = Duration.seconds(60)
  }

  /// HTTP/2 (RFC 9113) and WebSockets over it (RFC 8441).
  package struct HTTP2: Sendable {
    package var isEnabled = true
    package var streams = 128
  }
}

extension Configuration.Compression {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("enabled") { isEnabled = try node.boolean() }
    if let node = mapping.optional("floor") { floor = try node.size(0...(1 << 20)) }
    if let node = mapping.optional("level") { level = try node.integer(1...9) }
    if let node = mapping.optional("window_bits") { windowBits = try node.integer(9...15) }
    if let node = mapping.optional("context_takeover") { hasContextTakeover = try node.boolean() }
    try mapping.finish()
  }
}

extension Configuration.EventStream {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("heartbeat") {
      heartbeat = try node.duration(.seconds(1)...(.seconds(600)))
    }
    if let node = mapping.optional("duration") {
      duration = try node.duration(.seconds(1)...(.seconds(86_400)))
    }
    if let node = mapping.optional("retry") {
      retry = try node.duration(.milliseconds(100)...(.seconds(600)))
    }
    try mapping.finish()
  }
}

extension Configuration.LongPoll {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("wait") {
      wait = try node.duration(.zero...(.seconds(600)))
      maximumWait = max(maximumWait, wait)
    }
    if let node = mapping.optional("maximum_wait") {
      maximumWait = try node.duration(.zero...(.seconds(600)))
      guard maximumWait >= wait else {
        throw node.error("must be at least long_poll.wait")
      }
    }
    try mapping.finish()
  }
}

extension Configuration.HTTP2 {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("enabled") { isEnabled = try node.boolean() }
    if let node = mapping.optional("streams") { streams = try node.integer(1...100_000) }
    try mapping.finish()
  }
}
