internal import MartletCore

extension Configuration {
  /// Reads and checks a configuration file's text.
  ///
  /// - Parameters:
  ///   - file: its name, for errors.
  ///   - environment: what `${NAME}` stand for.
  ///   - readFile: reads the files that the configuration names (keys); nil if it cannot.
  package init(
    yaml: String, file: String, environment: [String: String], readFile: (String) -> String?
  ) throws(ConfigurationError) {
    self.init()
    var root = try ConfigurationDocument(file: file, environment: environment).root(of: yaml)
    if let node = root.optional("listen") { listen = try node.address() }
    tls = try root.optional("tls").map { node throws(ConfigurationError) in
      try TLS(node.mapping(), readFile)
    }
    if let node = root.optional("admin") { admin = try node.address() }
    if let node = root.optional("loops") { loops = try node.integer(0...256) }
    if let node = root.optional("log_level") { logLevel = try node.oneOf(LogLevel.self) }
    if let node = root.optional("demo") { servesDemo = try node.boolean() }
    origins = try root.optional("origins").map(Self.origins)
    tenants = try root.optional("tenants").map { node throws(ConfigurationError) in
      try Tenants(node.mapping())
    }
    let hasTenants = tenants != nil
    apiKeys =
      try root.optional("api_keys").map { node throws(ConfigurationError) in
        try APIKey.list(node, hasTenants: hasTenants)
      } ?? []
    backplane = try Backplane(root.section("backplane"))
    presence = try Presence(root.section("presence"))
    auth = try Auth(root.section("auth"), readFile)
    limits = try Limits(root.section("limits"))
    compression = try Compression(root.section("compression"))
    eventStream = try EventStream(root.section("event_stream"))
    longPoll = try LongPoll(root.section("long_poll"))
    http2 = try HTTP2(root.section("http2"))
    routing = try RoutingTable(
      root.optional("routes")?.list() ?? [], hasTenants: hasTenants,
      hookEvents: auth.hook?.events, quota: limits.userPublications)
    try root.finish()
  }

  private static func origins(_ node: ConfigurationNode) throws(ConfigurationError) -> [String] {
    try node.list().map { element throws(ConfigurationError) in
      try element.value(allowed: "an origin without path, such as https://app.example") { text in
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isOrigin =
          parts.count == 3 && ["http:", "https:"].contains(parts[0]) && parts[1].isEmpty
          && !parts[2].isEmpty
        return isOrigin ? text.lowercased() : nil
      }
    }
  }
}

extension Configuration.Backplane {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("kind") { kind = try node.oneOf(Kind.self) }
    if let node = mapping.optional("shards") {
      shards = try node.integer(1...ShardMap.maximumCount)
    }
    if let node = mapping.optional("idempotency_window") {
      idempotencyWindow = try node.duration(.seconds(1)...(.seconds(7 * 86_400)))
    }
    try readRedis(mapping.section("redis"))
    try mapping.finish()
  }

  private mutating func readRedis(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var redis = mapping
    let servers = redis.optional("servers")
    let seeds = redis.optional("cluster")
    switch (servers, seeds) {
    case (let list?, nil): sites = try Self.servers(list).map { .server($0) }
    case (nil, let list?): sites = [.cluster(seeds: try Self.seeds(list))]
    case (nil, nil) where kind == .memory: break
    default:
      throw redis.node.error(
        "needs either servers, a list of redis:// or rediss:// URLs, or cluster, the same of some"
          + " nodes of a Redis Cluster")
    }
    if let node = redis.optional("tls") { tls = try TLS(node.mapping()) }
    if let node = redis.optional("prefix") {
      prefix = try node.value(allowed: "1 to 100 letters, digits and _ - . :") { text in
        GroupName(text).flatMap { _ in
          text.utf8.count <= 100 && !text.contains("@") && !text.contains("~") ? text : nil
        }
      }
    }
    if let node = redis.optional("publish_timeout") {
      publishTimeout = try node.duration(.milliseconds(10)...(.seconds(60)))
    }
    if let node = redis.optional("publish_wait") {
      publishWait = try node.duration(.zero...(.seconds(60)))
    }
    if let node = redis.optional("shard_stream_length") {
      shardStreamLength = try node.integer(100...10_000_000)
    }
    if let node = redis.optional("linger") {
      linger = try node.duration(.zero...(.milliseconds(100)))
    }
    try redis.finish()
  }

  private static func servers(
    _ list: ConfigurationNode
  ) throws(ConfigurationError) -> [RedisServer] {
    let servers = try list.list().map { element throws(ConfigurationError) in
      // The text may hold a password, so the error does not repeat it.
      guard let server = RedisServer(url: try element.text()) else {
        throw element.error(
          "is not allowed; allowed is redis://[user:password@]host[:port][/database], or rediss://"
            + " for TLS")
      }
      return server
    }
    if servers.isEmpty { throw list.error("is empty; at least one redis:// URL is needed") }
    return servers
  }

  private static func seeds(
    _ list: ConfigurationNode
  ) throws(ConfigurationError) -> [RedisServer] {
    let seeds = try servers(list)
    for seed in seeds where seed.node(at: seeds[0].address) != seeds[0] {
      throw list.error("names different accounts; all nodes of a Redis Cluster have the same")
    }
    if seeds[0].database != 0 {
      throw list.error("names a database; a Redis Cluster has only database 0")
    }
    return seeds
  }
}

extension Configuration.Backplane.TLS {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    self.init()
    authorityFile = try mapping.optional("ca_file")?.text()
    certificateFile = try mapping.optional("certificate_file")?.text()
    privateKeyFile = try mapping.optional("private_key_file")?.text()
    if (certificateFile == nil) != (privateKeyFile == nil) {
      throw mapping.node.error("needs both or none of certificate_file and private_key_file")
    }
    try mapping.finish()
  }
}

extension Configuration.Presence {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("grace") {
      grace = try node.duration(.zero...(.seconds(600)))
    }
    if let node = mapping.optional("lease") {
      lease = try node.duration(.seconds(1)...(.seconds(300)))
    }
    if let node = mapping.optional("drain_grace") {
      drainGrace = try node.duration(.zero...(.seconds(600)))
    }
    if let node = mapping.optional("report_interval") {
      reportInterval = try node.duration(.milliseconds(1)...(.seconds(10)))
    }
    if let node = mapping.optional("batch") {
      batch = try node.duration(.zero...(.seconds(10)))
    }
    if let node = mapping.optional("cap") { cap = try node.integer(0...1_000) }
    if let node = mapping.optional("active_window") {
      activeWindow = try node.duration(.seconds(1)...(.seconds(86_400)))
    }
    if let node = mapping.optional("away_after") {
      awayAfter = try node.duration(.seconds(1)...(.seconds(86_400)))
    }
    if let node = mapping.optional("remember") {
      remember = try node.duration(.seconds(1)...(.seconds(365 * 86_400)))
    }
    if let node = mapping.optional("meta_size") { metaSize = try node.size(2...(64 << 10)) }
    try mapping.finish()
  }
}

extension Configuration.Limits {
  init(_ mapping: ConfigurationMapping) throws(ConfigurationError) {
    var mapping = mapping
    if let node = mapping.optional("message_size") {
      messageSize = try node.size((1 << 10)...(16 << 20))
    }
    let frame = mapping.optional("frame_size")
    if let frame { frameSize = try frame.size((1 << 10)...(64 << 20)) }
    if frameSize < messageSize {
      if let frame {
        throw frame.error(
          "\(SizeText.format(frameSize)) is not allowed; allowed is at least limits.message_size,"
            + " which is \(SizeText.format(messageSize))")
      }
      frameSize = messageSize
    }
    if let node = mapping.optional("pending_bytes") {
      pendingBytes = try node.size((64 << 10)...(1 << 30))
    }
    if let node = mapping.optional("connections") {
      connections = try node.integer(1...10_000_000)
    }
    if let node = mapping.optional("recovery_publications") {
      recoveryPublications = try node.integer(1...100_000)
    }
    if let node = mapping.optional("recovery_bytes") {
      recoveryBytes = try node.size((64 << 10)...(1 << 30))
    }
    recoveryMemory = max(recoveryMemory, recoveryBytes)
    if let node = mapping.optional("recovery_memory") {
      recoveryMemory = try node.size((1 << 20)...(1 << 40))
      if recoveryMemory < recoveryBytes {
        throw node.error(
          "\(SizeText.format(recoveryMemory)) is not allowed; allowed is at least"
            + " limits.recovery_bytes, which is \(SizeText.format(recoveryBytes))")
      }
    }
    if let node = mapping.optional("ping_interval") {
      pingInterval = try node.duration(.seconds(1)...(.seconds(3600)))
    }
    if let node = mapping.optional("ping_timeout") {
      pingTimeout = try node.duration(.milliseconds(100)...(.seconds(3600)))
    }
    if let node = mapping.optional("handshake_timeout") {
      handshakeTimeout = try node.duration(.milliseconds(100)...(.seconds(300)))
    }
    if let node = mapping.optional("drain_timeout") {
      drainTimeout = try node.duration(.zero...(.seconds(600)))
    }
    try readAdmission(&mapping)
    try mapping.finish()
  }
}
