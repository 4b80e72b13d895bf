internal import Foundation
package import MartletCore
package import NIOCore
package import NIOPosix

/// A port that cannot be bound.
package struct PortError: Error, CustomStringConvertible {
  /// The configuration's key.
  package var key: String
  package var address: HostAndPort
  package var reason: String

  package var description: String { "\(key): cannot listen on \(address): \(reason)" }
}

extension ServerBootstrap {
  /// Binds an address that the configuration names `key`; throws ``PortError``.
  package func bind(_ address: HostAndPort, key: String) async throws -> any Channel {
    do {
      return try await bind(host: address.host, port: address.port).get()
    } catch let error as IOError {
      throw PortError(key: key, address: address, reason: error.reasonText)
    } catch {
      throw PortError(key: key, address: address, reason: "\(error)")
    }
  }
}

extension IOError {
  /// The system's words for the error number.
  fileprivate var reasonText: String {
    switch errnoCode {
    case EADDRINUSE: "the address is in use"
    case EACCES: "permission is denied"
    case EADDRNOTAVAIL: "this machine does not have the address"
    default: description
    }
  }
}
