import Testing

extension FaultReport {
  /// Nobody was deceived, and what is kept is kept once and in order.
  func expectHonesty() {
    #expect(deceived.isEmpty, "\(deceived.prefix(3))")
    #expect(duplicated == 0 && reordered == 0)
    #expect(acknowledged > 0)
  }

  /// And nothing that was acknowledged is gone.
  func expectNothingLost() {
    expectHonesty()
    #expect(lost == 0)
  }

  /// And no member had to be told anything.
  func expectNothingNoticed() {
    expectNothingLost()
    #expect(told == 0)
  }
}
