internal import MartletRedis
internal import NIOCore

extension RedisValue {
  /// The names and values of a flat list, as HGETALL and stream entries have them.
  var pairs: [(name: String, value: RedisValue)] {
    let elements = elements ?? []
    return stride(from: 0, to: elements.count - 1, by: 2).map {
      (elements[$0].text ?? "", elements[$0 + 1])
    }
  }

  /// Bytes of all strings in it.
  var payloadSize: Int {
    bytes?.readableBytes ?? (elements ?? []).reduce(0) { $0 + $1.payloadSize }
  }
}
