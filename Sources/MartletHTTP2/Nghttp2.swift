internal import CNghttp2

/// The library behind this module.
package enum Nghttp2 {
  /// The version of the library that this program runs with.
  package static var version: String {
    guard let info = unsafe nghttp2_version(0) else { return "unknown" }
    return unsafe String(cString: info.pointee.version_str)
  }
}
