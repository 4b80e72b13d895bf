import NIOCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the system allows this process: for a ``SocketPreflight``.
struct SystemLimits {
  /// Open file descriptors; nil: there is no limit.
  var descriptors: Int?
  /// Ports that connects choose from; nil: the system does not say.
  var ports: ClosedRange<Int>?

  static func read() -> SystemLimits {
    var limit = rlimit()
    #if canImport(Glibc)
      let status = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #else
      let status = unsafe getrlimit(RLIMIT_NOFILE, &limit)
    #endif
    let text = try? String(
      contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
    return SystemLimits(
      descriptors: status == 0 ? Int(exactly: limit.rlim_cur) : nil,
      ports: text.flatMap(SocketPreflight.parsePorts))
  }
}
