internal import MartletConfiguration
internal import MartletTLS

extension TLSServerConfiguration {
  /// - Parameter hasHTTP2: whether clients may choose it.
  init(_ settings: Configuration.TLS, hasHTTP2: Bool) {
    self.init(TLSIdentity(settings.identity))
    namedIdentities = settings.names.map(TLSIdentity.init)
    clientCertificates =
      switch settings.clientCertificates {
      case .none: .none
      case .optional: .optional
      case .required: .required
      }
    clientAuthorityFile = settings.clientAuthorityFile
    applicationProtocols = TLSListener.applicationProtocols.filter { hasHTTP2 || $0 != "h2" }
    oldestVersion = settings.minimumVersion == .tls13 ? .tls13 : .tls12
    ticketSecret =
      switch settings.ticketSecret {
      case .ofProcess: .ofProcess
      case .text(let text): .text(text)
      case .file(let file): .file(file)
      }
  }
}

extension TLSIdentity {
  fileprivate init(_ settings: Configuration.TLS.Identity) {
    self.init(
      certificateFile: settings.certificateFile, privateKeyFile: settings.privateKeyFile,
      serverNames: settings.serverNames)
  }
}
