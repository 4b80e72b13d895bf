internal import NIOCore

/// Plaintext that waits for a flush, or for the end of the handshake. Bounded by its writer only.
struct PendingWrites {
  struct Write {
    var plaintext: ByteBuffer
    var promise: EventLoopPromise<Void>?
  }

  private var writes: [Write] = []
  /// The first so many may be sent.
  private var flushedCount = 0

  mutating func append(_ plaintext: ByteBuffer, promise: EventLoopPromise<Void>?) {
    writes.append(Write(plaintext: plaintext, promise: promise))
  }

  mutating func flush() {
    flushedCount = writes.count
  }

  /// Removes what may be sent.
  mutating func takeFlushed() -> [Write] {
    guard flushedCount < writes.count else { return takeAll() }
    defer {
      writes.removeFirst(flushedCount)
      flushedCount = 0
    }
    return Array(writes[..<flushedCount])
  }

  /// Removes everything, and keeps no room for more.
  mutating func takeAll() -> [Write] {
    defer {
      writes = []
      flushedCount = 0
    }
    return writes
  }
}

extension [PendingWrites.Write] {
  /// One promise that completes those of all writes.
  func joinedPromise(on eventLoop: any EventLoop) -> EventLoopPromise<Void>? {
    guard count > 1 else { return first?.promise }
    let promises = compactMap(\.promise)
    guard promises.count > 1 else { return promises.first }
    let joined = eventLoop.makePromise(of: Void.self)
    joined.futureResult.whenComplete { result in
      for promise in promises { promise.completeWith(result) }
    }
    return joined
  }
}

extension TLSSession {
  /// Makes the records of `writes`: as few as they fit.
  func encrypt(_ writes: [PendingWrites.Write]) throws(TLSError) {
    guard writes.count > 1 else {
      if let write = writes.first { try encrypt(write.plaintext) }
      return
    }
    var gathered = ByteBuffer()
    for write in writes {
      gathered.writeImmutableBuffer(write.plaintext)
      let full = gathered.readableBytes - gathered.readableBytes % Self.recordSize
      if full > 0, let records = gathered.readSlice(length: full) {
        try encrypt(records)
        gathered.discardReadBytes()
      }
    }
    try encrypt(gathered)
  }
}
