internal import MartletCore
internal import NIOCore

/// How presence is written in Redis: words between tabs, which neither names nor JSON without white space contain.
///
/// An entry of a report stream has the fields `g` (gateway), `n` (sequence), `k` (kind) and `o` (lines):
///
/// ```
/// +  GROUP  CONNECTION  TENANT  {"id":…,"name":…}  META  ORIGIN
/// -  GROUP  CONNECTION
/// s  GROUP  CONNECTION  AGE
/// ```
///
/// Kinds are `o` operations, `s` snapshot, `d` drain, `g` goodbye, and `c` for a chosen status, which
/// is no report: it has no gateway and no sequence, and one line `STATUS TENANT USER`.
enum PresenceText {
  /// An entry of a report stream.
  enum Entry: Equatable, Sendable {
    case report(PresenceReport)
    case choice(UserStatus, HomeUser)
  }

  private static let tab = UInt8(ascii: "\t")

  // MARK: Reports

  /// `k` and `o` of the report.
  static func encode(_ body: PresenceReport.Body) -> (kind: String, lines: ByteBuffer) {
    var lines = ByteBuffer()
    switch body {
    case .operations(let operations):
      for operation in operations {
        switch operation {
        case .join(let session): write(session, into: &lines)
        case .leave(let membership):
          lines.writeString("-\t\(membership.group)\t\(membership.connectionID)\n")
        case .seen(let membership, let age):
          lines.writeString("s\t\(membership.group)\t\(membership.connectionID)\t\(age)\n")
        }
      }
      return ("o", lines)
    case .snapshot(let sessions):
      for session in sessions { write(session, into: &lines) }
      return ("s", lines)
    case .drain:
      return ("d", lines)
    case .goodbye:
      return ("g", lines)
    }
  }

  private static func write(_ session: PresenceSession, into lines: inout ByteBuffer) {
    lines.writeString("+\t\(session.group)\t\(session.connectionID)\t\(session.tenant ?? "")\t")
    lines.writeString("\(session.user.json)\t\(session.meta)\t\(session.origin)\n")
  }

  /// `o` of a choice.
  static func encode(_ status: UserStatus, _ user: HomeUser) -> String {
    "\(status.rawValue)\t\(user.tenant ?? "")\t\(user.user.json)\n"
  }

  /// Nil if this is neither a report nor a choice.
  static func entry(fields: [String: ByteBuffer]) -> Entry? {
    guard let lines = fields["o"] else { return nil }
    let kind = fields["k"].map { String(buffer: $0) }
    if kind == "c" {
      let words = lines.readableBytesView.dropLast().split(
        separator: tab, omittingEmptySubsequences: false)
      guard words.count == 3, let status = UserStatus(rawValue: text(words[0])),
        let user = user(words[2])
      else { return nil }
      return .choice(status, HomeUser(user: user, tenant: tenant(words[1])))
    }
    guard let gateway = fields["g"],
      let sequence = fields["n"].flatMap({ UInt64(String(buffer: $0)) }),
      let body = body(kind ?? "", lines)
    else { return nil }
    return .report(
      PresenceReport(gateway: String(buffer: gateway), sequence: sequence, body: body))
  }

  private static func body(_ kind: String, _ lines: ByteBuffer) -> PresenceReport.Body? {
    switch kind {
    case "o": return operations(lines).map { .operations($0) }
    case "s":
      return operations(lines).map { operations in
        .snapshot(
          operations.compactMap { operation in
            if case .join(let session) = operation { session } else { nil }
          })
      }
    case "d": return .drain
    case "g": return .goodbye
    default: return nil
    }
  }

  private static func operations(_ lines: ByteBuffer) -> [PresenceReport.Operation]? {
    var operations: [PresenceReport.Operation] = []
    for line in lines.readableBytesView.split(separator: UInt8(ascii: "\n")) {
      guard let operation = operation(line) else { return nil }
      operations.append(operation)
    }
    return operations
  }

  private static func operation(_ line: ByteBufferView) -> PresenceReport.Operation? {
    let words = line.split(separator: tab, omittingEmptySubsequences: false)
    guard words.count >= 3 else { return nil }
    let membership = Membership(
      group: GroupName(trusted: text(words[1])), connectionID: text(words[2]))
    switch words[0].first {
    case UInt8(ascii: "+"):
      guard words.count == 7, let user = user(words[4]) else { return nil }
      return .join(
        PresenceSession(
          group: membership.group, connectionID: membership.connectionID, user: user,
          tenant: tenant(words[3]), meta: text(words[5]), origin: text(words[6])))
    case UInt8(ascii: "-"):
      return .leave(membership)
    case UInt8(ascii: "s"):
      guard words.count == 4, let age = Int64(text(words[3])) else { return nil }
      return .seen(membership, age: age)
    default:
      return nil
    }
  }

  // MARK: Words

  private static func text(_ bytes: ByteBufferView) -> String {
    String(decoding: bytes, as: UTF8.self)
  }

  private static func tenant(_ bytes: ByteBufferView) -> String? {
    bytes.isEmpty ? nil : text(bytes)
  }

  /// `{"id":…,"name":…}`; nil if this is not a user.
  static func user(_ bytes: ByteBufferView) -> User? {
    let json = ByteBuffer(bytes)
    guard let layout = try? JSONScanner.object(in: json.readableBytesUInt8Span) else { return nil }
    let bytes = json.readableBytesView
    func slice(_ range: Range<Int>) -> ByteBufferView {
      bytes[(bytes.startIndex + range.lowerBound)..<(bytes.startIndex + range.upperBound)]
    }
    var id: String?
    var name: String?
    for member in layout.members where member.kind == .string {
      switch JSONText.unquoted(slice(member.key)) {
      case "id": id = JSONText.unquoted(slice(member.value))
      case "name": name = JSONText.unquoted(slice(member.value))
      default: break
      }
    }
    return id.map { User(id: $0, name: name) }
  }
}
