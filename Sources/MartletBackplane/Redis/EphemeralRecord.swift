package import MartletCore
package import NIOCore

/// Lets a script of another module publish ephemeral events into a shard stream together with its own
/// writes in the same slot.
package enum EphemeralRecord {
  /// The value of the field `r` of an entry that delivers `event` (a JSON object) to `group`.
  package static func encode(group: GroupName, event: ByteBuffer) -> ByteBuffer {
    var record = ByteBuffer(string: "e ")
    record.writeImmutableBuffer(
      PublicationRecord.tail(PublishRequest(group: group, event: event, kind: .ephemeral)))
    return record
  }
}
