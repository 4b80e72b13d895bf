/// What a coordinator asks a worker to do; one at a time for each worker.
enum WorkerOrder: Sendable, Codable {
  case prepare(WorkerAssignment)
  case begin(phase: Int, at: UInt64, until: UInt64)
  case stop(at: UInt64)
  case status
  case inflict(Int)
  case publisherRecords
  case witness([PublisherRecord])
  case judge([PublishedRecord])
  case audit([Int])
  case finish
  /// The worker's part is over.
  case dismiss
}

/// What a worker has to know before a run.
struct WorkerAssignment: Sendable, Codable {
  var scenario: Scenario
  var run: RunIdentifier
  /// The number of the worker, and how many there are.
  var process: Int
  var processes: Int
  /// When the run began, by the coordinator's wall clock: nanoseconds since 1970.
  var start: Int64
}

/// What a worker answers.
enum WorkerReply: Sendable, Codable {
  case done
  case status(CrewStatus)
  case publisherRecords([PublisherRecord])
  case witnessed([Int: SequenceSet])
  case verdict(Verdict)
  case outcome(CrewOutcome)
  /// The order could not be carried out.
  case failed(String)
}

/// What goes over the wire. Requests may be repeated: numbers tell.
enum WorkerExchange {
  /// `POST /workers`: a worker comes.
  struct Registration: Sendable, Codable {
    /// Of the program; all have to be the same.
    var version: String
    /// For messages about the worker.
    var name: String
    /// How far its idea of the coordinator's clock may be off, in nanoseconds.
    var clockError: Int64
  }

  struct Welcome: Sendable, Codable {
    /// In the path of its further requests.
    var worker: Int
  }

  /// `POST /workers/N/orders`: the answer to the order before, if there was one; asks for the next.
  struct Request: Sendable, Codable {
    struct Answer: Sendable, Codable {
      var order: Int
      var reply: WorkerReply
    }
    var answer: Answer?
    /// The worker goes before it is dismissed.
    var isLeaving: Bool?
  }

  /// Nil: nothing yet, ask again.
  struct Response: Sendable, Codable {
    struct Numbered: Sendable, Codable {
      var number: Int
      var order: WorkerOrder
    }
    var order: Numbered?
  }

  /// `GET /clock`: nanoseconds since 1970.
  struct Clock: Sendable, Codable {
    var now: Int64
  }

  /// Of a refusal.
  struct Problem: Sendable, Codable {
    var error: String
  }
}
