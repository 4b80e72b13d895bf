internal import MartletConfiguration
internal import MartletCore
internal import NIOCore
internal import Synchronization

/// Which new connections the gateway takes, over all loops: by their number, their rate and their address. Any thread.
final class ConnectionGate: Sendable {
  enum Answer: Equatable {
    case accepted
    case refused(retryAfter: Duration)
  }

  private struct State {
    var limiter: AcceptLimiter
    var addresses: AddressConnections?
  }

  /// An address with too many connections has to close some first.
  private static let retryAfterOfAddress = Duration.seconds(5)

  private let state: Mutex<State>

  init(_ limits: Configuration.Limits) {
    state = Mutex(
      State(
        limiter: AcceptLimiter(maximum: limits.connections, bucket: limits.acceptBucket),
        addresses: limits.connectionsPerAddress.map {
          AddressConnections(maximum: $0, capacity: limits.connections)
        }))
  }

  /// An accepted connection has to be ``closed(_:)``.
  ///
  /// - Parameter address: nil for one that has none, such as a local socket.
  func accept(_ address: AddressKey?, now: NIODeadline) -> Answer {
    state.withLock { state in
      if let address, state.addresses?.open(address) == false {
        return .refused(retryAfter: Self.retryAfterOfAddress)
      }
      let now = Duration.nanoseconds(Int64(clamping: now.uptimeNanoseconds))
      switch state.limiter.accept(now: now) {
      case .accepted: return .accepted
      case .refused(let retryAfter):
        if let address { state.addresses?.close(address) }
        return .refused(retryAfter: retryAfter)
      }
    }
  }

  func closed(_ address: AddressKey?) {
    state.withLock { state in
      state.limiter.closed()
      if let address { state.addresses?.close(address) }
    }
  }
}

extension AddressKey {
  /// Nil for an address that is no IP address.
  init?(_ address: SocketAddress?) {
    // Where the address is in sockaddr_in and sockaddr_in6.
    let range: Range<Int>
    switch address {
    case .v4: range = 4..<8
    case .v6: range = 8..<24
    case .unixDomainSocket, nil: return nil
    }
    guard let address else { return nil }
    let bytes = unsafe address.withSockAddr { pointer, size in
      unsafe Array(UnsafeRawBufferPointer(start: pointer, count: size)[range])
    }
    self.init(bytes: bytes)
  }
}
