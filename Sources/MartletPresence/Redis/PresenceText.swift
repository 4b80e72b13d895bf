internal import MartletCore
internal import NIOCore

/// How presence is written in Redis.
///
/// A report is a stream entry with the fields `g` (gateway), `n` (sequence), `k` (`o` operations, `s` snapshot,
/// `g` goodbye) and `o`, one line for each operation; quoted JSON has no line ends of its own:
///
/// ```
/// + GROUP CONNECTION {"id":…,"name":…}
/// - GROUP CONNECTION
/// ```
enum PresenceText {
  // MARK: Reports

  /// `k` and `o` of the report.
  static func encode(_ body: PresenceReport.Body) -> (kind: String, lines: ByteBuffer) {
    var lines = ByteBuffer()
    func write(_ session: PresenceSession) {
      lines.writeString("+ \(session.group) \(session.connectionID) \(session.user.json)\n")
    }
    switch body {
    case .operations(let operations):
      for operation in operations {
        switch operation {
        case .join(let session): write(session)
        case .leave(let group, let connectionID):
          lines.writeString("- \(group) \(connectionID)\n")
        }
      }
      return ("o", lines)
    case .snapshot(let sessions):
      for session in sessions { write(session) }
      return ("s", lines)
    case .goodbye:
      return ("g", lines)
    }
  }

  /// Nil if this is not a report.
  static func report(fields: [String: ByteBuffer]) -> PresenceReport? {
    guard let gateway = fields["g"], let lines = fields["o"],
      let sequence = fields["n"].flatMap({ UInt64(String(buffer: $0)) }),
      let body = body(fields["k"].map { String(buffer: $0) } ?? "", lines)
    else { return nil }
    return PresenceReport(gateway: String(buffer: gateway), sequence: sequence, body: body)
  }

  private static func body(_ kind: String, _ lines: ByteBuffer) -> PresenceReport.Body? {
    var operations: [PresenceReport.Operation] = []
    for line in lines.readableBytesView.split(separator: UInt8(ascii: "\n")) {
      guard let operation = operation(ByteBuffer(line)) else { return nil }
      operations.append(operation)
    }
    switch kind {
    case "o": return .operations(operations)
    case "g": return .goodbye
    case "s":
      return .snapshot(
        operations.compactMap { operation in
          if case .join(let session) = operation { session } else { nil }
        })
    default: return nil
    }
  }

  private static func operation(_ line: ByteBuffer) -> PresenceReport.Operation? {
    let words = line.readableBytesView.split(separator: UInt8(ascii: " "), maxSplits: 3)
    guard words.count >= 3 else { return nil }
    let group = GroupName(trusted: String(decoding: words[1], as: UTF8.self))
    let connectionID = String(decoding: words[2], as: UTF8.self)
    switch words[0].first {
    case UInt8(ascii: "+"):
      guard words.count == 4, let value = value(ByteBuffer(words[3])) else { return nil }
      return .join(PresenceSession(group: group, connectionID: connectionID, user: value.user))
    case UInt8(ascii: "-"):
      return .leave(group: group, connectionID: connectionID)
    default:
      return nil
    }
  }

  // MARK: Members

  /// `c GATEWAY CONNECTION` or `d USER`.
  static func encode(_ field: MemberField) -> String {
    switch field {
    case .connection(let key): "c \(key.gateway) \(key.connectionID)"
    case .departing(let userID): "d \(userID)"
    }
  }

  /// Nil if this is not a field of a group.
  static func field(_ text: String) -> MemberField? {
    if text.hasPrefix("d ") { return .departing(userID: String(text.dropFirst(2))) }
    let words = text.split(separator: " ")
    guard words.count == 3, words[0] == "c" else { return nil }
    return .connection(
      ConnectionKey(gateway: String(words[1]), connectionID: String(words[2])))
  }

  /// `{"id":…,"name":…,"joined":…}`
  static func encode(_ value: MemberValue) -> String {
    "\(value.user.json.dropLast()),\"joined\":\(value.joined)}"
  }

  /// Nil if this is not a user; 0 is assumed for an absent `joined`.
  static func value(_ json: ByteBuffer) -> MemberValue? {
    guard let layout = try? JSONScanner.object(in: json.readableBytesUInt8Span) else { return nil }
    let bytes = json.readableBytesView
    func slice(_ range: Range<Int>) -> ByteBufferView {
      bytes[(bytes.startIndex + range.lowerBound)..<(bytes.startIndex + range.upperBound)]
    }
    var id: String?
    var name: String?
    var joined: Int64 = 0
    for member in layout.members {
      switch (JSONText.unquoted(slice(member.key)), member.kind) {
      case ("id", .string): id = JSONText.unquoted(slice(member.value))
      case ("name", .string): name = JSONText.unquoted(slice(member.value))
      case ("joined", .number):
        joined = Int64(String(decoding: slice(member.value), as: UTF8.self)) ?? 0
      default: break
      }
    }
    return id.map { MemberValue(user: User(id: $0, name: name), joined: joined) }
  }
}
