import Foundation
import MartletTLS
import NIOCore
import NIOPosix

/// What TLS costs a server: memory of an idle connection, CPU of a handshake and of a delivery. See loadtest/README.md.
///
///     tls-cost serve plain|tls SESSIONS ROUNDS DIRECTORY    measures; the directory has server.pem and server.key
///     tls-cost connect plain|tls SESSIONS BYTES PORT        its clients, started by it
@main
enum TLSCost {
  static let publication = ByteBuffer(repeating: 0x78, count: 128)

  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 6, let sessions = Int(arguments[3]), let number = Int(arguments[4]),
      ["plain", "tls"].contains(arguments[2])
    else {
      print("usage: tls-cost serve plain|tls SESSIONS ROUNDS DIRECTORY")
      exit(2)
    }
    let usesTLS = arguments[2] == "tls"
    switch arguments[1] {
    case "serve":
      try await Measurement(
        usesTLS: usesTLS, sessions: sessions, rounds: number, directory: arguments[5]
      ).run()
    default:
      try await Clients(
        usesTLS: usesTLS, sessions: sessions, bytes: number, port: Int(arguments[5]) ?? 0
      ).run()
    }
  }
}
