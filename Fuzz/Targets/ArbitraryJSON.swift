internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Bytes that claim to be JSON, of a client and of a backend. Foundation's reader is the judge.
struct ArbitraryJSON {
  private static let group = GroupName(trusted: "g")
  private static let sender = #"{"id":"u"}"#
  private static let offset: UInt64 = 18_446_744_073_709_551_615
  private static let metaLimit = 65_536

  private let input: [UInt8]

  init(_ input: [UInt8]) {
    self.input = input
  }

  func run() {
    checkObject()
    let message = ByteBuffer(bytes: input)
    switch try? ClientFrame.parse(message) {
    case .event(let event):
      var body = event.body
      body.append("sender", json: Self.sender)
      checkFrames(of: body.closed)
      event.reference.map { check(json: $0.json) }
    case .ping(let reference): reference.map { check(json: $0.json) }
    case .presenceUpdate(let update): update.meta.map(checkMeta)
    case .subscribe(let request): request.meta.map(checkMeta)
    case .presence, .unsubscribe, .refresh, nil: break
    }
    if let body = try? PublishRequestBody.parse(message, tenant: nil) {
      checkFrames(of: body.event.closed)
    }
  }

  // MARK: Input

  /// What the scanner takes is JSON; where its members stand are JSON texts; and the readers that rely on it agree.
  private func checkObject() {
    guard let layout = try? JSONScanner.object(in: input.span) else {
      precondition((try? JSONValueReader.object(input)) == nil, "read without being scanned")
      return
    }
    precondition(object(input[layout.object]) != nil, "the scanner takes what is no object")
    for member in layout.members {
      let key = Array(input[member.key])
      let judged = JudgedJSON(key)
      precondition(
        judged.value as? String == JSONText.unquoted(judged.bytes), "a key that reads differently")
      checkMinified(input[member.value])
    }
    guard let members = try? JSONValueReader.object(input) else { return }
    let names = layout.members.map { JSONText.unquoted(input[$0.key]) }
    precondition(Set(names) == Set(members.keys), "other names")
    for name in names { check(json: JSONText.quoted(name)) }
  }

  private func checkMinified(_ value: ArraySlice<UInt8>) {
    let minified = JudgedJSON(Array(JSONText.minified(value).utf8)).canonical
    precondition(
      minified != nil && minified == JudgedJSON(Array(value)).canonical,
      "white space that had a meaning")
  }

  private func checkMeta(_ object: ByteBuffer) {
    var meta = PresenceMeta()
    guard (try? meta.merge(object, limit: Self.metaLimit)) != nil else { return }
    check(json: meta.json)
    let once = meta.json
    guard (try? meta.merge(ByteBuffer(string: once), limit: Self.metaLimit)) != nil else {
      preconditionFailure("a meta that is not taken back")
    }
    precondition(meta.json == once, "a meta that is another the second time")
  }

  // MARK: Output

  /// Nobody but the server says who has sent an event, where to, and which number it has.
  private func checkFrames(of event: ByteBuffer) {
    var text = ByteBuffer()
    PublicationFrame.writeJSON(
      event: event, group: Self.group, offset: Self.offset, into: &text)
    let bytes = Array(text.readableBytesView)
    guard let layout = try? JSONScanner.object(in: bytes.span) else {
      preconditionFailure("a frame that is no object")
    }
    precondition(layout.object == bytes.indices, "something around the object")
    precondition(self.object(bytes[...]) != nil, "a frame that is no JSON")
    let names = layout.members.map { JSONText.unquoted(bytes[$0.key]) }
    for name in ["group", "offset"] {
      precondition(names.count { $0 == name } == 1, "a forged field")
    }
    precondition(names.count { $0 == "sender" } <= 1, "a forged sender")
    precondition(!names.contains("epoch"), "a forged epoch")
    precondition(names.suffix(2) == ["group", "offset"], "the server's fields come last")

    var frame = ByteBuffer()
    PublicationFrame.writeWebSocket(
      event: event, group: Self.group, offset: Self.offset, into: &frame)
    precondition(frame.readableBytesView.suffix(bytes.count).elementsEqual(bytes), "another frame")
    var stream = ByteBuffer()
    PublicationFrame.writeEventStream(
      event: event, group: Self.group, position: nil, into: &stream)
    precondition(
      stream.readableBytesView.dropLast(2).allSatisfy { $0 != 10 && $0 != 13 },
      "a line that ends within an event")
  }

  private func check(json: String) {
    precondition(value(of: Array(json.utf8)) != nil, "text that is no JSON")
  }

  private func value(of bytes: [UInt8]) -> Any? { JudgedJSON(bytes).value }

  private func object(_ bytes: ArraySlice<UInt8>) -> [String: Any]? {
    value(of: Array(bytes)) as? [String: Any]
  }
}
