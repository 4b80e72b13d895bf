/// A Lua script that a client loads whenever it connects.
package struct RedisScript: Hashable, Sendable {
  /// For logs.
  package let name: String
  package let source: String

  package init(name: String, source: String) {
    self.name = name
    self.source = source
  }
}
