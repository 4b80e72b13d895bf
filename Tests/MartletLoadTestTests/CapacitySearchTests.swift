import Testing

@testable import MartletLoadTest

@Suite struct CapacitySearchTests {
  private func search(
    _ raised: MaximumSearch.Raised = .clients, first: Double = 100, limit: Double = 1e6,
    capacity: Double
  ) throws -> CapacitySearch {
    var search = CapacitySearch(
      try MaximumSearch(
        raised: raised, from: first, to: limit, factor: 2, precision: 0.05, trial: .seconds(1)))
    while let load = search.next {
      search.record(holds: load <= capacity)
      guard search.steps.count < 100 else { break }
    }
    return search
  }

  @Test(arguments: [1, 3, 99, 100, 101, 777, 12_345, 400_000.0])
  func `The largest load that is borne is found to a twentieth`(_ capacity: Double) throws {
    let search = try search(capacity: capacity)
    if let best = search.best {
      #expect(best <= capacity && best >= capacity / 1.06 - 1)
    } else {
      #expect(capacity < 2)
    }
    #expect(search.steps.count <= 24)
  }

  @Test func `The limit is the last that is tried`() throws {
    let search = try search(limit: 500, capacity: 1e9)
    #expect(search.steps.map(\.load) == [100, 200, 400, 500])
    #expect(search.best == 500 && search.worst == nil)
  }

  @Test func `Where nothing is borne, the search ends soon`() throws {
    let search = try search(capacity: 0)
    #expect(search.best == nil && search.steps.count <= 5)
  }

  @Test func `Rates need not be whole`() throws {
    let search = try search(.rate, first: 1, limit: 1_000, capacity: 2.7)
    #expect(search.best.map { $0 > 2.5 && $0 <= 2.7 } == true)
  }
}
