import Foundation
import MartletTestSupport
import MartletWebSocket
import NIOCore

/// Plays cases against a server of echoes; the answer is what it did wrong, nil if nothing.
struct AutobahnPlayer: Sendable {
  /// `MARTLET_CONFORMANCE=full`: as many and as large messages as Autobahn sends.
  static let isFull = ProcessInfo.processInfo.environment["MARTLET_CONFORMANCE"] == "full"

  /// Cases that are played at a time.
  private static let concurrency = 8
  /// Of a compressed case, unless it is full, in bytes.
  private static let bytesPerCase = isFull ? Int.max : 1 << 16

  var port: Int
  var transport = EchoTransport.plain

  /// The problems of `cases`, by their ids.
  func problems<Case: Sendable & CustomStringConvertible>(
    of cases: [Case], _ play: @escaping @Sendable (Case) async throws -> String?
  ) async -> [String] {
    await withTaskGroup(of: String?.self) { group in
      var problems: [String] = []
      for (index, autobahn) in cases.enumerated() {
        if index >= Self.concurrency, let problem = await group.next() ?? nil {
          problems.append(problem)
        }
        group.addTask {
          do {
            return try await play(autobahn).map { "\(autobahn): \($0)" }
          } catch {
            return "\(autobahn): \(error)"
          }
        }
      }
      for await problem in group { if let problem { problems.append(problem) } }
      return problems
    }
  }

  // MARK: 1 to 10

  func play(_ autobahn: AutobahnCase) async throws -> String? {
    let connection = try await EchoConnection.open(port: port, over: transport)
    connection.send(autobahn.frames.wire(from: .client), part: autobahn.part)
    if !autobahn.isEnd { connection.send(RawFrame.close(1000).wire(from: .client)) }
    return problem(of: try await connection.record(), expecting: autobahn.answers)
  }

  /// 6.4: the text is known to be wrong before it is all there.
  func playFailFast(_ parts: [[UInt8]], isFragmented: Bool) async throws -> String? {
    let connection = try await EchoConnection.open(port: port, over: transport)
    if isFragmented {
      connection.send(
        RawFrame(opcode: 1, payload: parts[0], isFinal: false).wire(from: .client)
          + RawFrame.ping("so far").wire(from: .client))
      let record = try await connection.record(events: 1)
      guard record.events == [.pong("so far")] else {
        return "the first fragment is good: \(record)"
      }
      connection.send(RawFrame(opcode: 0, payload: parts[1], isFinal: false).wire(from: .client))
      return problem(
        of: try await connection.record(),
        expecting: [.pong("so far"), .close(code: 1007, reason: "")])
    }
    let wire = RawFrame(opcode: 1, payload: parts.flatMap { $0 }).wire(from: .client)
    connection.send(Array(wire.dropLast(parts[2].count)))
    return problem(
      of: try await connection.record(), expecting: [.close(code: 1007, reason: "")])
  }

  // MARK: 12, 13

  /// - Parameter contextTakeover: of the server's configuration.
  func play(
    _ autobahn: AutobahnCompressionCase, contextTakeover: Bool
  ) async throws -> String? {
    let connection = try await EchoConnection.open(
      port: port, over: transport, offers: autobahn.offers)
    guard let parameters = try await connection.parameters() else { return "no compression" }
    guard contextTakeover || parameters.serverNoContextTakeover else {
      return "the server keeps its context"
    }
    guard
      !contextTakeover
        || parameters.serverNoContextTakeover == autobahn.offers[0].serverNoContextTakeover
    else { return "the server does not keep its context" }
    let compressor = DeflateCompressor(parameters, of: .client)
    let count = max(2, min(AutobahnCompressionCase.messageCount, Self.bytesPerCase / autobahn.size))
    for index in 0..<count {
      connection.send(autobahn.frames(index, compressor).wire(from: .client))
    }
    connection.send(RawFrame.close(1000).wire(from: .client))
    let record = try await connection.record()
    if autobahn.content == .json, autobahn.size >= 256, record.size > autobahn.size * count * 3 / 4
    {
      return "\(record.size) bytes for \(count) messages of \(autobahn.size)"
    }
    return problem(
      of: record,
      expecting: (0..<count).map(autobahn.event) + [.close(code: 1000, reason: "")])
  }

  // MARK: Verdict

  private func problem(of record: EchoRecord, expecting answers: [WebSocketEvent]) -> String? {
    if let violation = record.violation { return "\(violation)" }
    guard record.isEnded else { return "the server does not end the connection" }
    if let failure = record.failure { return failure }
    let events = record.events.map(\.withoutReason)
    guard events != answers else { return nil }
    func text(_ events: [WebSocketEvent]) -> String {
      events.map { String("\($0)".prefix(120)) }.joined(separator: ", ")
    }
    return "\(text(events)) instead of \(text(answers))"
  }
}

extension WebSocketEvent {
  /// The reason of a close is the server's own matter.
  fileprivate var withoutReason: WebSocketEvent {
    if case .close(let code, _) = self { .close(code: code, reason: "") } else { self }
  }
}

extension AutobahnCase {
  /// Whether the server ends the connection without being asked to.
  fileprivate var isEnd: Bool {
    if case .close? = events.last { true } else { closeCode != nil }
  }

  /// What a server of echoes sends.
  fileprivate var answers: [WebSocketEvent] {
    var answers: [WebSocketEvent] = events.compactMap { event in
      switch event {
      case .text, .binary: event
      case .ping(let payload): .pong(payload)
      case .close(let code, _): .close(code: code ?? 1000, reason: "")
      case .pong, .tooLarge: nil
      }
    }
    if let closeCode { answers.append(.close(code: closeCode, reason: "")) }
    if !isEnd { answers.append(.close(code: 1000, reason: "")) }
    return answers
  }
}
