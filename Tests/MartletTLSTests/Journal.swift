import MartletTLS
import NIOCore
import Synchronization

/// What an application behind a ``TLSHandler`` sees, in order. Any thread.
final class Journal: Sendable {
  enum Entry: Equatable {
    case active
    case handshake(TLSHandshakeCompleted)
    /// So many bytes came in one buffer.
    case bytes(Int)
    case readComplete
    case error(TLSError)
    case otherError(String)
    case inactive
  }

  private let state = Mutex((entries: [Entry](), bytes: ByteBuffer()))

  /// Without ends of reads, which say nothing on their own.
  var entries: [Entry] { everything.filter { $0 != .readComplete && $0 != .active } }
  var everything: [Entry] { state.withLock { $0.entries } }
  /// All plaintext.
  var bytes: ByteBuffer { state.withLock { $0.bytes } }
  var text: String { String(buffer: bytes) }

  var handshake: TLSHandshakeCompleted? {
    for case .handshake(let result) in entries { return result }
    return nil
  }

  var errors: [TLSError] {
    entries.compactMap { if case .error(let error) = $0 { error } else { nil } }
  }

  var isInactive: Bool { entries.contains(.inactive) }

  func note(_ entry: Entry) {
    state.withLock { $0.entries.append(entry) }
  }

  func note(_ buffer: ByteBuffer) {
    state.withLock { state in
      state.entries.append(.bytes(buffer.readableBytes))
      state.bytes.writeImmutableBuffer(buffer)
    }
  }
}

/// The application: notes everything, and does what a test wants it to.
final class JournalHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let journal: Journal
  private let react: (Journal.Entry, any Channel) -> Void

  init(_ journal: Journal, react: @escaping (Journal.Entry, any Channel) -> Void = { _, _ in }) {
    self.journal = journal
    self.react = react
  }

  private func note(_ entry: Journal.Entry, _ context: ChannelHandlerContext) {
    journal.note(entry)
    react(entry, context.channel)
  }

  func channelActive(context: ChannelHandlerContext) {
    note(.active, context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    journal.note(buffer)
    react(.bytes(buffer.readableBytes), context.channel)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    note(.readComplete, context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let result = event as? TLSHandshakeCompleted { note(.handshake(result), context) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    note((error as? TLSError).map { .error($0) } ?? .otherError("\(error)"), context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    note(.inactive, context)
  }
}
