package import MartletCore
package import NIOCore

/// Lets a script of another module publish ephemeral events into a shard stream together with its own
/// writes in the same slot.
package enum EphemeralRecord {
  /// The field of the entry.
  package static let field = PublicationRecord.ephemeralHead

  /// The field's value: delivers `event` (a JSON object) to `group`.
  ///
  /// - Parameter excluded: the connection that must not receive it.
  package static func encode(
    group: GroupName, event: ByteBuffer, excluded: String? = nil
  ) -> ByteBuffer {
    PublicationRecord.body(
      PublishRequest(group: group, event: event, kind: .ephemeral, excluded: excluded))
  }
}
