internal import MartletHTTP2
internal import MartletRedis
internal import MartletTLS

/// What `--version` prints.
package enum ProgramVersion {
  /// Martlet's own version.
  package static let number = "0.1.0"

  /// With the versions of the system's libraries, which decide what a security update has to replace.
  package static var text: String {
    "martlet \(number) (hiredis \(Hiredis.version), nghttp2 \(Nghttp2.version),"
      + " OpenSSL \(OpenSSL.version))"
  }
}
