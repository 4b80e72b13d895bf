#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the operating system grants and charges this process.
enum ProcessUsage {
  /// Processor time so far, user and system, in seconds.
  static func cpuSeconds() -> Double {
    var usage = rusage()
    // Safe: the call fills the structure it is given and keeps nothing.
    guard unsafe getrusage(rusageSelf, &usage) == 0 else { return 0 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  /// Raises the soft limit on open files to the hard one.
  ///
  /// - Returns: the limit that holds now, nil when there is none.
  static func raiseDescriptorLimit() -> Int? {
    var limit = rlimit()
    // Safe: as above.
    guard unsafe getrlimit(openFiles, &limit) == 0 else { return nil }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = raised.rlim_max
      if unsafe setrlimit(openFiles, &raised) == 0 { limit = raised }
    }
    return Int(exactly: limit.rlim_cur)
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }

  #if canImport(Glibc)
    private static let rusageSelf = RUSAGE_SELF.rawValue
    private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let rusageSelf = RUSAGE_SELF
    private static let openFiles = RLIMIT_NOFILE
  #endif
}
