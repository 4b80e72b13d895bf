import ArgumentParser
import MartletLoadTest

/// How commands end.
enum Program {
  /// Errors of options and scenarios as the argument parser reports them: exit status 64.
  static func validated(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// Leaves with a status other than 0, if it is one.
  static func finish(_ status: ExitStatus) throws {
    guard status == .ok else { throw ExitCode(status.rawValue) }
  }
}
