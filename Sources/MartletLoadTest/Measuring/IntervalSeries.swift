/// Operations on whole time series.
enum IntervalSeries {
  /// Joins neighbours, equally many everywhere, until at most `limit` are left.
  static func condensed(_ records: [IntervalRecord], to limit: Int) -> [IntervalRecord] {
    guard records.count > limit else { return records }
    let span = (records.count + limit - 1) / limit
    return stride(from: 0, to: records.count, by: span).map { start in
      var joined = records[start]
      for next in records[(start + 1)..<min(start + span, records.count)] { joined.append(next) }
      return joined
    }
  }

  /// Adds up the series of processes that ran at the same time. Their records meet where their middles lie in the
  /// same interval of the coarsest series; gauges of a series that has no record there keep their value.
  static func merged(_ series: [[IntervalRecord]]) -> [IntervalRecord] {
    let series = series.filter { !$0.isEmpty }
    guard series.count > 1 else { return series.first ?? [] }
    let grid = series.map(typicalLength).max() ?? 1
    var sums: [Int: IntervalRecord] = [:]
    for records in series {
      let slots = slotted(records, grid: grid)
      for (slot, record) in slots {
        if sums[slot] == nil { sums[slot] = record } else { sums[slot]?.add(record) }
      }
    }
    return sums.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func typicalLength(_ records: [IntervalRecord]) -> Double {
    // Infinite and absurd lengths can only come from a file.
    max(1e-3, records.map(\.lengthSeconds).sorted()[records.count / 2])
  }

  private static func slotted(
    _ records: [IntervalRecord], grid: Double
  ) -> [Int: IntervalRecord] {
    var slots: [Int: IntervalRecord] = [:]
    var newest: (slot: Int, record: IntervalRecord)?
    for record in records.sorted(by: { $0.startSeconds < $1.startSeconds }) {
      let middle = record.startSeconds + record.lengthSeconds / 2
      let slot = Int(exactly: (middle / grid).rounded(.down)) ?? 0
      if let newest, slot > newest.slot + 1 {
        for gap in (newest.slot + 1)..<min(slot, newest.slot + IntervalRecorder.defaultLimit) {
          var filler = IntervalRecord(
            startSeconds: Double(gap) * grid, lengthSeconds: grid, phase: newest.record.phase)
          filler.planned = newest.record.planned
          filler.joined = newest.record.joined
          filler.outstanding = newest.record.outstanding
          slots[gap] = filler
        }
      }
      if slots[slot] == nil { slots[slot] = record } else { slots[slot]?.append(record) }
      newest = (slot, record)
    }
    return slots
  }
}
