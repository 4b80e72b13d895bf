extension Publishing.Size {
  package var smallest: Int {
    switch self {
    case .constant(let size), .uniform(let size, _): size
    }
  }

  /// As a scenario file writes it.
  package var text: String {
    switch self {
    case .constant(let size): "\(size)"
    case .uniform(let lowest, let highest): "\(lowest)-\(highest)"
    }
  }
}
