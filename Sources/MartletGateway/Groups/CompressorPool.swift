internal import MartletWebSocket

/// The compressors that an event loop's publications share, one for each kind that members have negotiated. Confined to its loop.
final class CompressorPool {
  private var compressors: [DeflateCompressor.Settings: DeflateCompressor] = [:]

  /// One whose messages do not refer to each other.
  subscript(settings: DeflateCompressor.Settings) -> DeflateCompressor {
    if let known = compressors[settings] { return known }
    let compressor = DeflateCompressor(settings, keepsContext: false)
    compressors[settings] = compressor
    return compressor
  }
}
