/// What the application's back end can be asked about before it happens (docs/protocol.md, Access hook).
package enum AccessEvent: String, CaseIterable, Sendable {
  /// A client with a good token, or an anonymous one, has come.
  case connect
  /// It wants to become a member of a group.
  case join
  /// It wants to publish an event in a group.
  case publish
}
