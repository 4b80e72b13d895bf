import MartletHTTP2
import NIOCore

/// The HTTP/2 connections of one loop's clients. Confined to that loop.
final class HTTP2Pool {
  /// Clients that may share a connection.
  struct Key: Hashable {
    var target: Int
    var localAddress: SocketAddress?
  }

  private let connector: Connector
  /// Those that take further streams.
  private var connections: [Key: [SharedConnection]] = [:]

  private var streamLimits: [Key: Int] = [:]

  init(_ connector: Connector) {
    self.connector = connector
  }

  /// Sends a request on a connection that has room.
  func open(
    _ head: HTTP2RequestHead, _ dial: Dial, owner: any ResponseOwner
  ) -> HTTP2RequestStream {
    let stream = HTTP2RequestStream(head, dial, owner: owner, pool: self)
    place(stream)
    return stream
  }

  /// Gives `stream` to a connection that has room; a new one if there is none.
  func place(_ stream: HTTP2RequestStream) {
    let dial = stream.dial
    let key = Key(target: dial.target, localAddress: dial.localAddress)
    // The newest is the one with room, if any is.
    if let connection = connections[key]?.last(where: { $0.hasRoom(for: dial) }) {
      return connection.add(stream)
    }
    let connection = SharedConnection(
      key, streamLimit: streamLimits[key] ?? .max, pool: self)
    connections[key, default: []].append(connection)
    connection.add(stream)
    connection.connect(dial, by: connector)
  }

  /// What a server allows on each connection.
  func learned(_ limit: Int, of key: Key) {
    streamLimits[key] = max(limit, 1)
  }

  func remove(_ connection: SharedConnection) {
    connections[connection.key]?.removeAll { $0 === connection }
  }
}
