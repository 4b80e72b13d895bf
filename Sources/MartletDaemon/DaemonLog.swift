package import Logging
package import MartletConfiguration

/// The log of a daemon: one line per event on standard error, constant messages, data in metadata.
package enum DaemonLog {
  /// Call once per process, before the first logger is made.
  package static func bootstrap(level: Configuration.LogLevel) -> Logger {
    LoggingSystem.bootstrap { label in
      StreamLogHandler.standardError(label: label)
    }
    return logger(level: level)
  }

  /// A logger of the given level.
  package static func logger(level: Configuration.LogLevel) -> Logger {
    var logger = Logger(label: "martlet")
    logger.logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    return logger
  }
}
