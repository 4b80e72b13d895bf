/// The open model: when each publication ought to leave, decided before the run begins and never
/// moved by how the server answers. Latency counts from these times, so a stalled server cannot
/// hide its stall by slowing the generator down.
///
/// All times are nanoseconds since the run phase began.
struct Schedule: Sendable {
  private let clients: Double
  /// Between two publications of a client, in nanoseconds; nil when there are none.
  private let interval: Double?
  private let duration: Double

  init(clients: Int, rate: Double, duration: Duration) {
    self.clients = Double(clients)
    interval = rate > 0 ? 1e9 / rate : nil
    self.duration = Double(duration.nanoseconds)
  }

  /// When a publisher's publication is due. The publishers' phases divide one interval evenly.
  func intended(publisher: Int, sequence: UInt32) -> UInt64 {
    UInt64(moment(publisher: publisher, sequence: sequence))
  }

  /// How many publications of a publisher are due within the duration: sequences `0 ..< count`.
  func count(publisher: Int) -> UInt32 {
    guard let interval else { return 0 }
    let estimate = (duration / interval - Double(publisher) / clients).rounded(.up)
    var count = UInt32(max(0, estimate))
    // The estimate may be off by one in the last digit; the definition decides.
    while count > 0, moment(publisher: publisher, sequence: count - 1) >= duration { count -= 1 }
    while moment(publisher: publisher, sequence: count) < duration { count += 1 }
    return count
  }

  private func moment(publisher: Int, sequence: UInt32) -> Double {
    ((Double(sequence) + Double(publisher) / clients) * (interval ?? 0)).rounded()
  }
}
