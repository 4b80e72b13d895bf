internal import MartletCore
internal import NIOCore

/// How presence is written in Redis: words between tabs, which neither names nor JSON without white space contain.
///
/// An entry of a report stream has the fields `g` (gateway), `n` (sequence), `k` (kind) and `o` (lines):
///
/// ```
/// +  GROUP  CONNECTION  {"id":…,"name":…}  META  ORIGIN
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
    lines.writeString("+\t\(session.group)\t\(session.connectionID)\t")
    lines.writeString("\(session.user.json)\t\(session.meta)\t\(session.origin)\n")
  }

  /// `o` of a choice.
  static func encode(_ status: UserStatus, _ user: HomeUser) -> String {
    "\(status.rawValue)\t\(user.tenant?.rawValue ?? "")\t\(user.user.json)\n"
  }

  /// Nil if this is neither a report nor a choice.
  static func entry(fields: [String: ByteBuffer]) -> Entry? {
    guard let lines = fields["o"] else { return nil }
    let kind = fields["k"].map { String(buffer: $0) }
    if kind == "c" {
      var lines = PresenceLines(lines)
      guard lines.next(), lines.count == 3, let status = UserStatus(rawValue: lines.text(0)),
        let user = user(lines.bytes(2))
      else { return nil }
      let tenant = lines.text(1)
      return .choice(
        status, HomeUser(user: user, tenant: tenant.isEmpty ? nil : TenantName(trusted: tenant)))
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
    var lines = PresenceLines(lines)
    while lines.next() {
      guard let operation = operation(lines) else { return nil }
      operations.append(operation)
    }
    return operations
  }

  private static func operation(_ line: PresenceLines) -> PresenceReport.Operation? {
    guard line.count >= 3 else { return nil }
    let membership = Membership(
      group: GroupName(trusted: line.text(1)), connectionID: line.text(2))
    switch line.text(0) {
    case "+":
      guard line.count == 6, let user = user(line.bytes(3)) else { return nil }
      return .join(
        PresenceSession(
          group: membership.group, connectionID: membership.connectionID, user: user,
          meta: line.text(4), origin: line.text(5)))
    case "-":
      return .leave(membership)
    case "s":
      guard line.count == 4, let age = Int64(line.text(3)) else { return nil }
      return .seen(membership, age: age)
    default:
      return nil
    }
  }

  // MARK: Words

  /// `{"id":…,"name":…}`; nil if this is not a user.
  static func user(_ json: ByteBuffer) -> User? {
    guard let layout = try? JSONScanner.object(in: json.readableBytesUInt8Span) else { return nil }
    var id: String?
    var name: String?
    for member in layout.members where member.kind == .string {
      switch unquoted(member.key, of: json) {
      case "id": id = unquoted(member.value, of: json)
      case "name": name = unquoted(member.value, of: json)
      default: break
      }
    }
    return id.map { User(id: $0, name: name) }
  }

  /// Most strings have no escapes: they are taken as they are.
  private static func unquoted(_ range: Range<Int>, of json: ByteBuffer) -> String {
    let start = json.readerIndex + range.lowerBound
    guard let text = json.getString(at: start + 1, length: range.count - 2) else { return "" }
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
    return JSONText.unquoted("\"\(text)\"".utf8)
  }
}
