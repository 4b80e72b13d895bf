package import Foundation
package import MartletCore

/// A Redis of one test: on loopback, without persistence unless asked for, killed with its owner.
package final class RedisServerProcess {
  /// Where it listens.
  package let server: RedisServer
  /// Its files, removed with its owner.
  package let directory: URL
  /// Whether ``freeze()`` has stopped it.
  package private(set) var isFrozen = false
  private let arguments: [String]
  private var master: RedisServer?
  private var process: ChildProcess

  private init(_ server: RedisServer, replicaOf master: RedisServer?, _ arguments: [String]) throws
  {
    self.server = server
    self.master = master
    self.arguments = arguments
    directory = FileManager.default.temporaryDirectory.appending(
      component: "martlet-redis-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    process = try Self.launch(server, replicaOf: master, arguments, in: directory)
  }

  deinit {
    process.kill()
    try? FileManager.default.removeItem(at: directory)
  }

  /// Starts a Redis and waits until it accepts connections; a replica, until it is in sync.
  ///
  /// - Parameters:
  ///   - port: nil takes a free one.
  ///   - master: has the same password.
  ///   - arguments: further `redis-server` options; later ones win. `--appendonly yes
  ///     --appendfsync always` keeps the data through ``kill()`` and ``restart()``.
  package static func start(
    port: Int? = nil, password: String? = nil, replicaOf master: RedisServer? = nil,
    arguments: [String] = []
  ) async throws -> RedisServerProcess {
    let redis = try await start(password: password, replicaOf: master, arguments: arguments) {
      if let port { port } else { try await FreePort.find() }
    }
    if master != nil { try await redis.waitUntilInSync() }
    return redis
  }

  /// Starts a Redis on a port that `findPort` gives, and waits until it accepts connections.
  static func start(
    password: String?, replicaOf master: RedisServer? = nil, arguments: [String],
    findPort: () async throws -> Int
  ) async throws -> RedisServerProcess {
    // A free port can be taken by somebody else before Redis binds it.
    for _ in 0..<5 {
      let server = RedisServer(
        host: "127.0.0.1", port: try await findPort(), password: password)
      let redis = try RedisServerProcess(server, replicaOf: master, arguments)
      if try await redis.accepts() { return redis }
    }
    throw NeverTrue(what: "redis-server starts")
  }

  // MARK: Faults

  /// Ends it at once, as a crash would. What it held is lost, unless `arguments` keep it.
  package func kill() {
    process.kill()
    isFrozen = false
  }

  /// Starts it again after ``kill()``: the same port, directory and arguments, in its last role.
  ///
  /// Returns when it has loaded its data; a replica may not be in sync yet.
  package func restart() async throws {
    kill()
    for _ in 0..<5 {
      process = try Self.launch(server, replicaOf: master, arguments, in: directory)
      if try await accepts() { return }
    }
    throw NeverTrue(what: "redis-server starts again")
  }

  /// Stops its clock; it neither answers nor closes connections.
  package func freeze() {
    process.signal(SIGSTOP)
    isFrozen = true
  }

  /// Goes on after ``freeze()``.
  package func thaw() {
    process.signal(SIGCONT)
    isFrozen = false
  }

  /// Whether it runs and is not frozen.
  package var isAvailable: Bool { !isFrozen && process.isRunning }

  // MARK: Commands

  /// Runs one command on a connection of its own; an error reply is thrown.
  @discardableResult
  package func command(_ arguments: String...) async throws -> RedisTestClient.Reply {
    try await RedisTestClient.send(arguments, to: server)
  }

  /// The fields of `INFO section`.
  package func info(_ section: String) async throws -> [String: String] {
    try await Self.info(section, of: server)
  }

  private static func info(
    _ section: String, of server: RedisServer
  ) async throws -> [String: String] {
    let text = try await RedisTestClient.send(["INFO", section], to: server).text ?? ""
    let fields = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ":") }
    return Dictionary(
      fields.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) },
      uniquingKeysWith: { $1 })
  }

  // MARK: Replication

  /// Makes a replica a master.
  package func promote() async throws {
    try await command("REPLICAOF", "NO", "ONE")
    master = nil
  }

  /// Makes it a replica of `master`, whose password is the same, and waits until it is in sync.
  package func demote(toReplicaOf master: RedisServer) async throws {
    if let password = master.password {
      try await command("CONFIG", "SET", "masterauth", password)
    }
    try await command("REPLICAOF", master.host, "\(master.port)")
    self.master = master
    try await waitUntilInSync()
  }

  /// Waits until this replica has what its master has now, and the master counts it.
  package func waitUntilInSync() async throws {
    guard let master else { throw NeverTrue(what: "a master is in sync with another") }
    try await eventually("the replica is in sync") { await isInSync(with: master) }
  }

  /// Whether this replica has what `master` has now, and the master counts it.
  func isInSync(with master: RedisServer) async -> Bool {
    guard let theirs = try? await Self.info("replication", of: master),
      let ours = try? await info("replication")
    else { return false }
    // Offsets of different histories say nothing about each other.
    return ours["master_link_status"] == "up" && ours["master_replid"] == theirs["master_replid"]
      && Int(ours["slave_repl_offset"] ?? "") ?? -1 >= Int(theirs["master_repl_offset"] ?? "") ?? 0
      && theirs.contains { field in
        field.key.hasPrefix("slave")
          && field.value.contains("port=\(server.port),state=online")
      }
  }

  // MARK: Starting

  private static func launch(
    _ server: RedisServer, replicaOf master: RedisServer?, _ arguments: [String],
    in directory: URL
  ) throws -> ChildProcess {
    var all = [
      "--port", "\(server.port)", "--bind", server.host, "--dir", directory.path(),
      "--save", "", "--appendonly", "no",
      // A replica without persistence must not come back with what it was sent at first.
      "--rdb-del-sync-files", "yes",
      // Redis waits five seconds for further replicas before it sends the first its data.
      "--repl-diskless-sync-delay", "0",
    ]
    if let password = server.password {
      all += ["--requirepass", password, "--masterauth", password]
    }
    if let master { all += ["--replicaof", master.host, "\(master.port)"] }
    return try ChildProcess(
      "redis-server", all + arguments, output: directory.appending(component: "log").path())
  }

  /// Whether it serves its data; false if it has ended, as it does if the port is taken.
  private func accepts() async throws -> Bool {
    try await eventually("Redis accepts connections or ends") {
      if !process.isRunning { return true }
      return await FreePort.accepts(server.port)
    }
    try await eventually("Redis has loaded its data") {
      do {
        try await command("PING")
        return true
      } catch let error as RedisTestClient.ErrorReply {
        return !error.text.hasPrefix("LOADING")
      } catch {
        // It has ended, or speaks TLS only.
        return true
      }
    }
    return process.isRunning
  }
}
