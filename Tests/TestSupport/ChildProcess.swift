internal import Foundation

/// A process that a test has started: a signal mask of its own, its output in a file.
///
/// Foundation's `Process` waits for an end-of-file that daemons started by a script keep away for
/// ever, and hands on the signals that the test runner blocks. Killed with its owner; used by one test.
package final class ChildProcess {
  /// The process could not be started.
  package struct NotStarted: Error {
    package var program: String
    package var error: Int32
  }

  /// More than the tests have open at a time; closing what is not open does no harm.
  private static let maximumDescriptors: Int32 = 2_048

  package let identifier: Int32
  private var exitStatus: Int32?

  /// - Parameters:
  ///   - program: looked for in PATH unless it has a slash.
  ///   - environment: added to that of the tests.
  ///   - output: the file that takes standard output and standard error; nil: nowhere.
  package init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:],
    output: String? = nil
  ) throws {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
      &actions, 1, output ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Sockets of other tests would stay open for as long as the child lives.
    for descriptor in 3..<Self.maximumDescriptors {
      unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var identifier: Int32 = 0
    let error = try unsafe Self.withCStrings([program] + arguments) { argv in
      try unsafe Self.withCStrings(variables.map { "\($0.key)=\($0.value)" }) { envp in
        unsafe posix_spawnp(&identifier, program, &actions, &attributes, argv, envp)
      }
    }
    guard error == 0 else { throw NotStarted(program: program, error: error) }
    self.identifier = identifier
  }

  deinit {
    kill()
  }

  /// Whether it still runs.
  package var isRunning: Bool {
    reap(WNOHANG)
    return exitStatus == nil
  }

  /// The exit status; 128 and the signal's number if a signal ended it; nil while it runs.
  package var status: Int32? {
    reap(WNOHANG)
    return exitStatus
  }

  /// Sends a signal, if it still runs.
  package func signal(_ number: Int32) {
    guard isRunning else { return }
    _ = Foundation.kill(identifier, number)
  }

  /// Ends it at once, as a crash would, and waits for its end.
  package func kill() {
    signal(SIGKILL)
    if exitStatus == nil { reap(0) }
  }

  private func reap(_ options: Int32) {
    guard exitStatus == nil else { return }
    var raw: Int32 = 0
    guard unsafe waitpid(identifier, &raw, options) == identifier else { return }
    let signal = raw & 0x7f
    exitStatus = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
  }

  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
  ) throws -> Result {
    var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer {
      let count = unsafe pointers.count
      for index in 0..<count { unsafe free(pointers[index]) }
    }
    return try unsafe body(&pointers)
  }
}
