package import Foundation
internal import MartletWebSocket

/// Code that has to survive any bytes, and what has to hold for all of them.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// Frames, fragments, compression, UTF-8, of either role.
  case websocket
  /// The JSON scanner and splicer.
  case json
  /// hiredis' parser and what is built of its callbacks.
  case redis
  /// A server's HTTP/2 connection.
  case http2

  /// - Precondition: what has to hold for `input` holds.
  package func run(_ input: [UInt8]) {
    switch self {
    case .websocket: ArbitraryStream(input)?.run()
    case .json: ArbitraryJSON(input).run()
    case .redis: ArbitraryReplies(input)?.run()
    case .http2: ArbitraryHTTP2(input)?.run()
    }
  }

  /// The inputs that are kept in the repository, by file name.
  package func corpus(in repository: URL) throws -> [(name: String, input: [UInt8])] {
    let folder = repository.appending(path: "Fuzz/corpora/\(rawValue)")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted().map {
      (name: $0, input: try Array(Data(contentsOf: folder.appending(component: $0))))
    }
  }
}
