/// Whether a run's sockets can exist at the same time: decided before the first connect.
struct SocketPreflight: Equatable {
  /// Connections of this process at the same time. A client of event streams or polls that publishes has two; one over HTTP/2
  /// shares one with others.
  var sockets: Int
  /// Different addresses and ports of gateways.
  var targets: Int
  /// Addresses to connect from; 0: the system chooses one.
  var localAddresses: Int
  /// Of this process (`ulimit -n`); nil: there is no limit.
  var descriptorLimit: Int?
  /// Ports that connects choose from; nil: not known.
  var ports: ClosedRange<Int>?

  /// For event loops, files and listeners.
  static let reservedDescriptors = 100

  /// Nil: nothing stands in the way. Else what does, and what to do.
  var problem: String? {
    descriptorProblem ?? portProblem
  }

  private var descriptorProblem: String? {
    let needed = sockets + Self.reservedDescriptors
    guard let descriptorLimit, needed > descriptorLimit else { return nil }
    return
      "\(sockets) sockets need \(needed) file descriptors, and this process may have \(descriptorLimit), which is enough for "
      + "\(max(0, descriptorLimit - Self.reservedDescriptors)): raise the limit (`ulimit -n \(needed)`, or LimitNOFILE= of a "
      + "service), or divide the clients between processes (--workers)"
  }

  /// One local address has each port once for each target.
  private var portProblem: String? {
    guard let ports, targets > 0 else { return nil }
    let addresses = max(1, localAddresses)
    let possible = ports.count * targets * addresses
    guard sockets > possible else { return nil }
    let perAddress = ports.count * targets
    let needed = (sockets + perAddress - 1) / perAddress
    return
      "\(sockets) sockets are more than the \(possible) that \(Self.counted(addresses, "local address", "local addresses")) can "
      + "have to \(Self.counted(targets, "target", "targets")) with the ports \(ports.lowerBound) to \(ports.upperBound): connect "
      + "from \(needed) local addresses (127.0.0.2 and so on for a target on this machine), use more targets, or widen "
      + "net.ipv4.ip_local_port_range (`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`)"
  }

  private static func counted(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
  }

  /// Reads the content of `/proc/sys/net/ipv4/ip_local_port_range`; nil if it is something else.
  static func parsePorts(_ text: String) -> ClosedRange<Int>? {
    let numbers = text.split(whereSeparator: \.isWhitespace).map { Int($0) }
    guard numbers.count == 2, let low = numbers[0], let high = numbers[1], low <= high,
      (0...65_535).contains(low), (0...65_535).contains(high)
    else { return nil }
    return low...high
  }
}
