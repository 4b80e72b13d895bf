import MartletTLS
import NIOCore

/// What every client of a run shares: decided before the first connect, never changed.
struct RunContext: Sendable {
  let settings: LoadTestSettings
  let run: JSONKey
  let template: EventTemplate
  let schedule: Schedule
  /// The resolved targets, in the order of `settings.targets`.
  let addresses: [SocketAddress]
  /// Of targets with TLS; nil if there are none.
  let tls: TLSContext?
  /// No publisher has a sequence at or above this.
  let sequenceLimit: UInt32

  /// - Throws: ``TLSError`` if the file of authorities cannot be used.
  init(
    settings: LoadTestSettings, run: RunIdentifier, addresses: [SocketAddress]
  ) throws(TLSError) {
    self.settings = settings
    self.run = JSONKey(run.text)
    self.addresses = addresses
    tls =
      settings.targets.contains { $0.isSecure }
      ? try TLSContext.client(
        TLSClientConfiguration(
          certificateAuthorityFile: settings.certificateAuthorityFile,
          verifiesServer: settings.verifiesServers, applicationProtocols: ["http/1.1"])) : nil
    template = EventTemplate(settings, run: run)
    schedule = Schedule(
      clients: settings.clients, rate: settings.rate, duration: settings.duration)
    // Phases grow with the number, so nobody has more publications than client 0.
    sequenceLimit = schedule.count(publisher: 0)
  }

  func group(of client: Int) -> Int { client % settings.groups }

  func members(ofGroup group: Int) -> Int {
    (settings.clients - group + settings.groups - 1) / settings.groups
  }

  /// The request target of a client's upgrade, with the position to recover from.
  func requestTarget(group: Int, position: Position?) -> String {
    let path = settings.path.replacing("{group}", with: String(group))
    guard let position else { return path }
    let separator = path.contains("?") ? "&" : "?"
    return "\(path)\(separator)epoch=\(Self.escape(position.epoch))&offset=\(position.offset)"
  }

  /// Percent-encodes all but RFC 3986's unreserved characters.
  private static func escape(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return result
  }
}
