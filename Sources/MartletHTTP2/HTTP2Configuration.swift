internal import MartletCore
package import NIOCore

/// The limits of one HTTP/2 connection.
///
/// What one connection may make this process hold: ``maximumConcurrentStreams`` ×
/// ``initialStreamWindow`` received while nobody reads, ``maximumUnwrittenBytes`` given to the channel,
/// one header list, and what the owner leaves pending in its streams.
package struct HTTP2Configuration: Equatable, Sendable {
  // MARK: Told to the peer (RFC 9113 §6.5.2)

  /// Streams that the peer may have open. 1…2^31−1.
  package var maximumConcurrentStreams = 128
  /// Bytes that the peer may send on a stream ahead of its reader. 1…2^31−1.
  package var initialStreamWindow = 65_535
  /// Bytes that the peer may have under way on all streams together. 65,535…2^31−1.
  package var connectionWindow = 1_048_576
  /// Bytes of a frame's payload. 16,384…16,777,215.
  package var maximumFrameSize = 16_384
  /// Bytes of a header list, with 32 for each field (RFC 9113 §10.5.1). A request above is answered
  /// 431; one above ``HeaderAssembly/excess`` times as much ends the connection. 1,024…1,048,576.
  package var maximumHeaderListSize = 32_768

  // MARK: Sending

  /// Bytes that the channel may have and not have written; more stays in the streams. From 16,384.
  package var maximumUnwrittenBytes = 131_072
  /// ``HTTP2StreamDelegate/drained()`` comes when a stream's pending bytes fall below. From 1.
  package var drainedMark = 32_768

  // MARK: Against floods: more ends the connection with ENHANCE_YOUR_CALM

  /// Streams that the peer may reset, or make this side reset by breaking a rule, at once
  /// (CVE-2023-44487, CVE-2025-8671); and how many more a second.
  package var resets = Rate(burst: 200, perSecond: 20)
  /// Frames that carry nothing: PING, SETTINGS, DATA without payload or end, and a
  /// WINDOW_UPDATE beyond two for each DATA frame sent. At once, and how many more a second.
  package var overhead = Rate(burst: 1_000, perSecond: 100)
  /// Acknowledgements of PING and SETTINGS that may wait for a peer that does not read. 1…10,000.
  package var maximumQueuedAcknowledgements = 256

  // MARK: Time

  /// A stream with pending bytes of which the peer takes none for so long is reset with CANCEL, and a
  /// connection whose socket takes none is closed. Checked four times in that span. Nil: never.
  package var stallTimeout: TimeAmount? = .seconds(60)
  /// A connection without streams for so long is ended by GOAWAY. Nil: never.
  package var idleTimeout: TimeAmount? = .seconds(300)
  /// The same for a connection that has not had a whole request yet. Nil: as ``idleTimeout``.
  package var firstRequestTimeout: TimeAmount?
  /// How long the first of the two GOAWAYs of a graceful end waits for a sign that it has arrived.
  package var drainNoticeTimeout: TimeAmount = .seconds(1)
  /// How long the last bytes of a connection may take to leave.
  package var closeTimeout: TimeAmount = .seconds(5)

  package init() {}

  /// How often something may happen: `burst` times at once, and `perSecond` times a second on end.
  package struct Rate: Equatable, Sendable {
    package var burst: Int
    package var perSecond: Int

    package init(burst: Int, perSecond: Int) {
      self.burst = burst
      self.perSecond = perSecond
    }
  }

  /// - Throws: ``HTTP2ConfigurationError``, which names the first value out of its range.
  package func validate() throws(HTTP2ConfigurationError) {
    let largest = Int(Int32.max)
    try check("maximumConcurrentStreams", maximumConcurrentStreams, 1...largest)
    try check("initialStreamWindow", initialStreamWindow, 1...largest)
    try check("connectionWindow", connectionWindow, 65_535...largest)
    try check("maximumFrameSize", maximumFrameSize, 16_384...16_777_215)
    try check("maximumHeaderListSize", maximumHeaderListSize, 1_024...1_048_576)
    try check("maximumUnwrittenBytes", maximumUnwrittenBytes, 16_384...largest)
    try check("drainedMark", drainedMark, 1...largest)
    try check("resets.burst", resets.burst, TokenBucket.counts)
    try check("resets.perSecond", resets.perSecond, TokenBucket.counts)
    try check("overhead.burst", overhead.burst, TokenBucket.counts)
    try check("overhead.perSecond", overhead.perSecond, TokenBucket.counts)
    try check("maximumQueuedAcknowledgements", maximumQueuedAcknowledgements, 1...10_000)
    try check("stallTimeout", stallTimeout)
    try check("idleTimeout", idleTimeout)
    try check("firstRequestTimeout", firstRequestTimeout)
    try check("drainNoticeTimeout", drainNoticeTimeout)
    try check("closeTimeout", closeTimeout)
  }

  private func check(
    _ name: String, _ value: Int, _ range: ClosedRange<Int>
  ) throws(HTTP2ConfigurationError) {
    guard !range.contains(value) else { return }
    throw HTTP2ConfigurationError(
      name: name, problem: "\(value) is not in \(range.lowerBound)…\(range.upperBound)")
  }

  private func check(_ name: String, _ time: TimeAmount?) throws(HTTP2ConfigurationError) {
    guard let time, time <= .zero else { return }
    throw HTTP2ConfigurationError(name: name, problem: "a span of time is positive")
  }
}

/// A value of ``HTTP2Configuration`` is out of its range.
package struct HTTP2ConfigurationError: Error, Equatable, CustomStringConvertible {
  package var name: String
  package var problem: String

  package var description: String { "\(name): \(problem)" }
}
