package import Logging
package import MartletConfiguration
internal import MartletCore
package import NIOCore

/// Who a client is and what it may do: tokens, the keys that verify them, and the application's own word. Any thread.
///
/// Route rules (`AccessRule`) are pure and stay with who knows the route; this is what may have to wait for others.
package final class AccessControl: Sendable {
  private let tokens: TokenVerifier
  private let keySets: [KeySet]
  private let hook: AccessHook?
  /// Nil: nobody else has to be asked.
  private let http: OutgoingHTTP?

  /// Throws ``ConfigurationError`` if a key cannot be read.
  ///
  /// - Parameter file: the configuration's name, for errors.
  package convenience init(
    _ auth: Configuration.Auth, file: String, logger: Logger
  ) async throws {
    try await self.init(auth, file: file, logger: logger, demandInterval: .seconds(10))
  }

  /// - Parameter demandInterval: between two fetches of keys because a token needs them.
  init(
    _ auth: Configuration.Auth, file: String, logger: Logger, demandInterval: Duration
  ) async throws {
    // The keys of the configuration first: if one is bad there is nothing to shut down.
    _ = try await TokenVerifier(auth, file: file)
    let http: OutgoingHTTP? =
      auth.keySets.isEmpty && auth.hook == nil
      ? nil : OutgoingHTTP(connections: auth.hook?.concurrency ?? 1)
    var keySets: [KeySet] = []
    var hook: AccessHook?
    if let http {
      keySets = auth.keySets.map { set in
        KeySet(
          set, clockSkew: auth.clockSkew.components.seconds, http: http, logger: logger,
          demandInterval: demandInterval)
      }
      hook = auth.hook.map { AccessHook($0, http: http, logger: logger) }
    }
    tokens = try await TokenVerifier(auth, keySets: keySets, file: file)
    self.http = http
    self.keySets = keySets
    self.hook = hook
  }

  /// Begins to fetch keys. Does not wait for them.
  package func start() {
    for set in keySets { set.start() }
  }

  /// Ends what is under way; whoever waits is told `unavailable`.
  package func shutdown() async {
    for set in keySets { set.stop() }
    hook?.stop()
    await http?.shutdown()
  }

  // MARK: Tokens

  /// Verifies a token with the keys that are here; nil: ``verify(_:now:)`` may find further ones.
  ///
  /// - Parameter now: seconds since 1970.
  package func look(_ token: String, now: Int64) -> Result<VerifiedToken, TokenError>? {
    switch tokens.look(token, now: now) {
    case .verified(let token): .success(token)
    case .refused(let error): .failure(error)
    case .needs: nil
    }
  }

  /// Verifies a token; waits for keys, at most the timeout of their set, if it needs some that are not here.
  ///
  /// - Parameter now: seconds since 1970.
  package func verify(_ token: String, now: Int64) async throws(TokenError) -> VerifiedToken {
    try await tokens.verify(token, now: now)
  }

  // MARK: The access hook

  /// What can be said at once: that the question is not asked here, or a kept answer.
  package func look(_ question: AccessQuestion) -> AccessAnswer? {
    guard question.isAsked, let hook else { return .allowed }
    return hook.look(question)
  }

  /// Asks, if the route wants it; the answer comes within twice `auth.hook.timeout`.
  package func permits(_ question: AccessQuestion) async -> AccessAnswer {
    guard question.isAsked, let hook else { return .allowed }
    return await hook.permits(question)
  }

  /// The same for callers on an event loop; the future is complete already if nobody has to be waited for.
  package func permits(
    _ question: AccessQuestion, on eventLoop: any EventLoop
  ) -> EventLoopFuture<AccessAnswer> {
    if let answer = look(question) { return eventLoop.makeSucceededFuture(answer) }
    return eventLoop.makeFutureWithTask { await self.permits(question) }
  }

  // MARK: Reports

  /// Why tokens cannot be verified, as sentences; a hook that fails is no reason: all gateways have the same.
  package func unreadiness() -> [String] { keySets.compactMap(\.unreadiness) }

  package var statistics: AccessStatistics {
    AccessStatistics(keySets: keySets.map(\.statistics), hook: hook?.statistics)
  }
}
