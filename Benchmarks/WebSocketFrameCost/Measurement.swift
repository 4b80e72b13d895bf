internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// CPU time of this process for work that is repeated, and what it holds.
enum Measurement {
  /// The median of `rounds`, in nanoseconds per frame.
  static func nanosecondsPerFrame(rounds: Int, frames: Int, _ work: () throws -> Void) rethrows
    -> Double
  {
    try work()
    var times: [Double] = []
    for _ in 0..<rounds {
      let start = cpuNanoseconds()
      try work()
      times.append(Double(cpuNanoseconds() - start) / Double(frames))
    }
    return times.sorted()[rounds / 2]
  }

  /// Bytes of memory that what `make` returns has added; it is never freed, so that the next
  /// measurement does not find room that this one has left.
  static func residentBytes<Kept: AnyObject>(_ make: () throws -> [Kept]) rethrows -> Int {
    let before = residentBytes
    let kept = try make()
    let after = residentBytes
    _ = unsafe Unmanaged.passRetained(kept as AnyObject)
    return after - before
  }

  private static func cpuNanoseconds() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// RSS, from the second field of `/proc/self/statm`, in pages.
  private static var residentBytes: Int {
    guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard unsafe fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let fields = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: " ")
    return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
  }
}
