/// What has to be so before a publisher is answered.
package enum Durability: String, CaseIterable, Sendable {
  /// The publication is on the primary: a fail-over or a crash in the next moments can lose it.
  case primary
  /// A replica has it too: it survives the loss of the primary.
  case replicated
}
