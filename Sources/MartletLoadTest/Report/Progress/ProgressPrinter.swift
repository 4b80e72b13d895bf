/// Progress on standard error, so that standard output has the report alone: one line rewritten with each sample on
/// a terminal, a line every few samples elsewhere.
package final class ProgressPrinter {
  /// Samples between two lines where lines cannot be rewritten.
  private static let plainInterval = 5

  private let isTerminal = StandardError.isTerminal
  private var samples = 0
  private var hasOpenLine = false

  package init() {}

  /// Called about once a second.
  package func show(_ sample: ProgressSample) {
    samples += 1
    if isTerminal {
      let line = ProgressLine.fitted(sample, width: StandardError.width)
      // Carriage return, text, erase to the end of the line.
      StandardError.write("\r\(line)\u{1B}[K")
      hasOpenLine = true
    } else if samples % Self.plainInterval == 0 {
      StandardError.write(ProgressLine.plain(sample) + "\n")
    }
  }

  /// Ends the rewritten line.
  package func finish() {
    if hasOpenLine { StandardError.write("\n") }
    hasOpenLine = false
  }
}
