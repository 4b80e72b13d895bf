import Foundation

/// Seconds since 1970.
func unixTime() -> Int64 {
  Int64(Date().timeIntervalSince1970)
}
