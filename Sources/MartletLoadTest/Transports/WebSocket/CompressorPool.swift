import MartletWebSocket

/// Compressors of one loop that all connections share whose messages do not refer to earlier ones: each takes some 256 KiB.
/// Confined to its loop.
final class CompressorPool {
  private var shared: [DeflateCompressor.Settings: DeflateCompressor] = [:]

  /// For what a client sends by `parameters`.
  func compressor(_ parameters: PermessageDeflate.Parameters) -> DeflateCompressor {
    let made = DeflateCompressor(parameters, of: .client)
    guard !made.keepsContext else { return made }
    if let known = shared[made.settings] { return known }
    shared[made.settings] = made
    return made
  }
}
