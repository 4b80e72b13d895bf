package import MartletConfiguration
package import MartletTLS

extension TLSServerConfiguration {
  /// What the file's `tls` says.
  ///
  /// - Parameter applicationProtocols: what the listener speaks, in order of preference (RFC 7301).
  package init(
    _ settings: Configuration.TLS,
    applicationProtocols: [String] = TLSListener.applicationProtocols
  ) {
    self.init(TLSIdentity(settings.identity))
    namedIdentities = settings.names.map(TLSIdentity.init)
    clientCertificates = ClientCertificates(settings.clientCertificates)
    clientAuthorityFile = settings.clientAuthorityFile
    oldestVersion = TLSVersion(settings.minimumVersion)
    ticketSecret = TicketSecret(settings.ticketSecret)
    self.applicationProtocols = applicationProtocols
  }
}

extension TLSIdentity {
  fileprivate init(_ settings: Configuration.TLS.Identity) {
    self.init(
      certificateFile: settings.certificateFile, privateKeyFile: settings.privateKeyFile,
      serverNames: settings.serverNames)
  }
}

extension ClientCertificates {
  fileprivate init(_ settings: Configuration.TLS.ClientCertificates) {
    self =
      switch settings {
      case .none: .none
      case .optional: .optional
      case .required: .required
      }
  }
}

extension TLSVersion {
  fileprivate init(_ settings: Configuration.TLS.Version) {
    self =
      switch settings {
      case .tls12: .tls12
      case .tls13: .tls13
      }
  }
}

extension TicketSecret {
  fileprivate init(_ settings: Configuration.TLS.TicketSecret) {
    self =
      switch settings {
      case .ofProcess: .ofProcess
      case .text(let text): .text(text)
      case .file(let file): .file(file)
      }
  }
}
