import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a failed connect says to a person.
enum ConnectError {
  static func describe(_ error: any Error) -> String {
    switch error {
    case ChannelError.connectTimeout(let amount):
      return "no TCP connection within \(amount.nanoseconds / 1_000_000_000)s"
    case let error as IOError:
      let advice =
        error.errnoCode == EADDRNOTAVAIL
        ? " (no free local port; widen net.ipv4.ip_local_port_range or use more targets)" : ""
      return reason(error.errnoCode) + advice
    default:
      return String(describing: error)
    }
  }

  /// The system's text for an error number.
  static func reason(_ code: CInt) -> String {
    // Safe: strerror returns a terminated string, which is copied at once.
    unsafe String(cString: strerror(code))
  }
}
