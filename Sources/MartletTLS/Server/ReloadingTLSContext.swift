package import Logging
internal import Synchronization

/// The newest good context of a listener: when its files change it makes a new one, and new connections get that. Those
/// that are open go on with what they have. Any thread.
///
/// Files are compared by what they have, so it does not matter how they are replaced: written anew, renamed, or by
/// moving a symbolic link, as Kubernetes does it.
package final class ReloadingTLSContext: Sendable {
  /// What came of looking at the files.
  package enum Outcome: Hashable, Sendable {
    case unchanged
    case reloaded
    /// The new files are of no use; the context of the old ones stays.
    case failed(TLSError)
  }

  private let configuration: TLSServerConfiguration
  private let clock: @Sendable () -> Int
  private let logger: Logger
  private let context: Mutex<TLSContext>
  /// Of the files that were looked at last, good or not. Held while they are read.
  private let contents: Mutex<[FileContents]>

  /// - Parameter clock: the time in seconds since 1970, which chooses the keys of tickets.
  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package init(
    _ configuration: TLSServerConfiguration, logger: Logger,
    clock: @escaping @Sendable () -> Int = SystemClock.now
  ) throws(TLSError) {
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    // In this order: what changes in between is found changed.
    contents = Mutex(configuration.files.map(FileContents.init))
    context = Mutex(try .server(configuration, clock: clock))
  }

  package var current: TLSContext { context.withLock { $0 } }

  /// Looks at the files, and makes a new context if they have changed. Blocks for as long as that takes. Files that were found
  /// to be of no use are not tried again before they change.
  @discardableResult package func reloadIfChanged() -> Outcome {
    contents.withLock { contents in
      let new = configuration.files.map(FileContents.init)
      guard new != contents else { return .unchanged }
      contents = new
      do throws(TLSError) {
        let next = try TLSContext.server(configuration, clock: clock)
        context.withLock { $0 = next }
        logger.notice("the certificates have changed, new connections get the new ones")
        return .reloaded
      } catch {
        logger.error(
          "the certificates have changed and cannot be used, the old ones stay",
          metadata: ["error": "\(error)"])
        return .failed(error)
      }
    }
  }

  /// Looks at the files every `interval`, until the task is cancelled.
  package func watch(every interval: Duration) async {
    while (try? await Task.sleep(for: interval)) != nil { reloadIfChanged() }
  }
}

/// What a file had when it was looked at.
private struct FileContents: Equatable {
  /// Nil: it could not be read.
  private var digest: [UInt8]?

  init(_ file: String) {
    digest = (try? FileBytes.read(file)).map(OpenSSL.sha256)
  }
}
