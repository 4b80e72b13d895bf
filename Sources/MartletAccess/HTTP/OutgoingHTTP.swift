internal import AsyncHTTPClient
internal import MartletConfiguration
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Requests to other servers, on an event loop of their own: what they cost does not hold up clients.
///
/// Redirects are not followed and answers not decompressed: both are ways to make a small answer a large one, or one of
/// somebody else.
final class OutgoingHTTP: Sendable {
  struct Answer: Sendable {
    var status: Int
    var body: [UInt8]
  }

  enum Failure: Error, Equatable {
    case timedOut
    case tooLarge
    /// No connection, or it broke.
    case unreachable(String)
  }

  private let group: MultiThreadedEventLoopGroup
  private let client: HTTPClient

  /// - Parameter connections: to one server at once.
  init(connections: Int) {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      // The timeouts are those of the requests; this one only ends attempts that nobody waits for.
      timeout: .init(connect: .seconds(10)),
      decompression: .disabled)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
    // A refused connection is an answer; the callers know when to try again.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  /// Fetches `url`.
  ///
  /// - Parameters:
  ///   - timeout: from now to the last byte of the answer.
  ///   - maximumSize: of the answer's body, in bytes.
  func get(
    _ url: HTTPURL, timeout: Duration, maximumSize: Int
  ) async throws(Failure) -> Answer {
    var request = HTTPClientRequest(url: url.text)
    request.headers.add(name: "Accept", value: "application/jwk-set+json, application/json")
    return try await send(request, timeout: timeout, maximumSize: maximumSize)
  }

  /// Sends JSON to `url`.
  ///
  /// - Parameter bearer: the token of an `Authorization` header, or none.
  func post(
    _ url: HTTPURL, body: [UInt8], bearer: String?, timeout: Duration, maximumSize: Int
  ) async throws(Failure) -> Answer {
    var request = HTTPClientRequest(url: url.text)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Accept", value: "application/json")
    if let bearer { request.headers.add(name: "Authorization", value: "Bearer \(bearer)") }
    request.body = .bytes(body)
    return try await send(request, timeout: timeout, maximumSize: maximumSize)
  }

  /// Ends everything that is under way.
  func shutdown() async {
    try? await client.shutdown()
    try? await group.shutdownGracefully()
  }

  private func send(
    _ request: HTTPClientRequest, timeout: Duration, maximumSize: Int
  ) async throws(Failure) -> Answer {
    let client = client
    // The client's own deadline ends with the head of an answer, so that a body could drip for ever.
    let result = await withTaskGroup(of: Result<Answer, Failure>.self) { group in
      group.addTask {
        await Self.exchange(request, client, timeout: timeout, maximumSize: maximumSize)
      }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return .failure(.timedOut)
      }
      let first = await group.next() ?? .failure(.timedOut)
      group.cancelAll()
      return first
    }
    return try result.get()
  }

  private static func exchange(
    _ request: HTTPClientRequest, _ client: HTTPClient, timeout: Duration, maximumSize: Int
  ) async -> Result<Answer, Failure> {
    // A kept connection may be closed by the server just when it is used; what is asked here may be asked twice.
    for isLast in [false, true] {
      do {
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        let body = try await response.body.collect(upTo: maximumSize)
        return .success(
          Answer(status: Int(response.status.code), body: Array(body.readableBytesView)))
      } catch is NIOTooManyBytesError {
        return .failure(.tooLarge)
      } catch let error as HTTPClientError
        where error == .deadlineExceeded || error == .connectTimeout || error == .readTimeout
      {
        return .failure(.timedOut)
      } catch let error as HTTPClientError where error == .remoteConnectionClosed && !isLast {
        continue
      } catch {
        return .failure(.unreachable(String(describing: error)))
      }
    }
    return .failure(.unreachable("the connection was closed"))
  }
}
