/// Progress on standard error, so that standard output has the report alone: one line rewritten each
/// second on a terminal, a line every few seconds elsewhere.
package final class ProgressPrinter {
  /// Samples between two lines where lines cannot be rewritten.
  private static let plainInterval = 5

  private let isTerminal = StandardError.isTerminal
  private var samples = 0
  private var hasOpenLine = false

  package init() {}

  /// Called once a second.
  package func show(_ sample: ProgressSample) {
    samples += 1
    if isTerminal {
      // Carriage return, text, erase to the end of the line.
      StandardError.write("\r\(sample.text)\u{1B}[K")
      hasOpenLine = true
    } else if samples % Self.plainInterval == 0 {
      StandardError.write(sample.text + "\n")
    }
  }

  /// Ends the rewritten line.
  package func finish() {
    if hasOpenLine { StandardError.write("\n") }
    hasOpenLine = false
  }
}
