internal import NIOCore

/// The bytes that a stream has to send, in order. An empty one, and one with a single buffer, owns no
/// memory of its own: most streams wait for something to send.
struct OutboundQueue {
  private var first: ByteBuffer?
  private var rest: [ByteBuffer] = []
  /// Where the unsent part of `rest` begins.
  private var restStart = 0
  private(set) var count = 0

  mutating func append(_ bytes: ByteBuffer) {
    count += bytes.readableBytes
    if first == nil { first = bytes } else { rest.append(bytes) }
  }

  /// Moves exactly `length` bytes to `batch`; as many have to be there.
  mutating func move(_ length: Int, to batch: inout OutputBatch) {
    precondition(length <= count, "a frame of more bytes than there are")
    var missing = length
    while missing > 0, var bytes = first {
      if bytes.readableBytes > missing, let part = bytes.readSlice(length: missing) {
        batch.append(part)
        missing = 0
        first = bytes
      } else {
        missing -= bytes.readableBytes
        batch.append(bytes)
        dropFirst()
      }
    }
    count -= length
  }

  private mutating func dropFirst() {
    guard restStart < rest.count else {
      first = nil
      return
    }
    first = rest[restStart]
    rest[restStart] = ByteBuffer()
    restStart += 1
    if restStart == rest.count {
      rest = []
      restStart = 0
    } else if restStart > 64, restStart * 2 > rest.count {
      rest.removeFirst(restStart)
      restStart = 0
    }
  }

  mutating func removeAll() {
    self = OutboundQueue()
  }
}
