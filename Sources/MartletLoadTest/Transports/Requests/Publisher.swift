import NIOCore

/// Publications of a client whose transport only listens: requests of their own, in order (docs/protocol.md, HTTP fallback).
/// Confined to its event loop.
final class Publisher {
  private let target: String
  private let requests: RequestQueue
  /// Gets what a WebSocket would have brought. Let go of at the end.
  private var answered: ((ByteBuffer) -> Void)?

  init(_ dial: Dial, _ connector: Connector, answered: @escaping (ByteBuffer) -> Void) {
    target = "/poll\(dial.path)"
    requests = RequestQueue(dial, connector)
    self.answered = answered
  }

  func send(_ text: ByteBuffer, sequence: UInt32?) {
    requests.post(target, text) { result in
      let message =
        switch result {
        case .success(let response):
          PublicationAnswer.message(
            status: response.status, body: response.body, sequence: sequence)
        case .failure: PublicationAnswer.unanswered(sequence: sequence)
        }
      self.answered?(message)
    }
  }

  func setReading(_ isReading: Bool) {
    requests.setReading(isReading)
  }

  func end() {
    answered = nil
    requests.end()
  }
}
