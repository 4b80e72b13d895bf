internal import CHiredis
package import NIOCore

/// hiredis' RESP parser, building ``RedisValue``s.
///
/// The parser calls back in the order of the bytes, so a stack of unfinished arrays is all the state
/// that the tree needs; the object pointers that hiredis passes around are never looked at.
/// Confined to one event loop.
@safe package final class RedisReplyReader {
  private struct UnfinishedArray {
    var elements: [RedisValue]
    var missing: Int
  }

  /// A length is a promise: it may be broken, and memory for all of it may not be there.
  private static let maximumReserve = 1_024

  private let reader: UnsafeMutablePointer<redisReader>
  private var unfinished: [UnfinishedArray] = []
  private var complete: RedisValue?

  package init() {
    guard let reader = unsafe redisReaderCreateWithFunctions(&replyObjectFunctions) else {
      preconditionFailure("out of memory while creating a reply reader")
    }
    unsafe self.reader = unsafe reader
    unsafe reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    unsafe redisReaderFree(reader)
  }

  /// Takes all readable bytes of `buffer`.
  package func feed(_ buffer: inout ByteBuffer) throws(RedisError) {
    let status = unsafe buffer.readWithUnsafeReadableBytes { bytes in
      (
        bytes.count,
        unsafe redisReaderFeed(
          reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
      )
    }
    try check(status)
  }

  /// The next complete reply, or nil if more bytes are needed.
  package func next() throws(RedisError) -> RedisValue? {
    var ignored: UnsafeMutableRawPointer?
    try check(unsafe redisReaderGetReply(reader, &ignored))
    defer { complete = nil }
    return complete
  }

  private func check(_ status: Int32) throws(RedisError) {
    guard status != REDIS_OK else { return }
    let message = unsafe withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw .protocolViolation(message)
  }

  // MARK: Called by hiredis

  fileprivate func begin(arrayOf count: Int) {
    guard count > 0 else { return add(.array([])) }
    var elements: [RedisValue] = []
    elements.reserveCapacity(min(count, Self.maximumReserve))
    unfinished.append(UnfinishedArray(elements: elements, missing: count))
  }

  fileprivate func add(_ value: RedisValue) {
    var value = value
    while !unfinished.isEmpty {
      let top = unfinished.count - 1
      unfinished[top].elements.append(value)
      unfinished[top].missing -= 1
      guard unfinished[top].missing == 0 else { return }
      value = .array(unfinished.removeLast().elements)
    }
    complete = value
  }
}

/// hiredis wants a pointer that stays valid and writes nothing through it.
nonisolated(unsafe) private var replyObjectFunctions = unsafe redisReplyObjectFunctions(
  createString: createString, createArray: createArray, createInteger: createInteger,
  createNil: createNil, freeObject: freeObject)

/// Any pointer but null says "made"; nobody follows it.
nonisolated(unsafe) private let made = unsafe UnsafeMutableRawPointer(bitPattern: 1)

private func owner(_ task: UnsafePointer<redisReadTask>?) -> RedisReplyReader? {
  guard let data = unsafe task?.pointee.privdata else { return nil }
  return unsafe Unmanaged<RedisReplyReader>.fromOpaque(data).takeUnretainedValue()
}

private func createString(
  _ task: UnsafePointer<redisReadTask>?, _ start: UnsafeMutablePointer<CChar>?, _ length: Int
) -> UnsafeMutableRawPointer? {
  // The bytes are hiredis' own and only valid during this call.
  let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
  if unsafe task?.pointee.type == REDIS_REPLY_ERROR {
    unsafe owner(task)?.add(.error(String(decoding: bytes, as: UTF8.self)))
  } else {
    unsafe owner(task)?.add(.string(unsafe ByteBuffer(bytes: bytes)))
  }
  return unsafe made
}

private func createArray(
  _ task: UnsafePointer<redisReadTask>?, _ count: Int32
) -> UnsafeMutableRawPointer? {
  unsafe owner(task)?.begin(arrayOf: Int(count))
  return unsafe made
}

private func createInteger(
  _ task: UnsafePointer<redisReadTask>?, _ value: Int64
) -> UnsafeMutableRawPointer? {
  unsafe owner(task)?.add(.integer(value))
  return unsafe made
}

private func createNil(_ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
  unsafe owner(task)?.add(.null)
  return unsafe made
}

private func freeObject(_ object: UnsafeMutableRawPointer?) {}
