internal import COpenSSL

/// The settings, certificates and keys that many sessions share: one owner of an OpenSSL `SSL_CTX`.
///
/// Reads its files once, when it is made; new files need a new context. Immutable afterwards, so
/// event loops share it; sessions keep it alive.
@safe package final class TLSContext: Sendable {
  enum Role {
    case client
    case server
  }

  let role: Role
  /// OpenSSL counts references to it atomically and locks what its sessions share.
  nonisolated(unsafe) let pointer: OpaquePointer
  private let applicationProtocols: ApplicationProtocols

  /// Forward secrecy and authenticated encryption for TLS 1.2 (RFC 9325 §4.2), which is also what HTTP/2
  /// asks for (RFC 9113 §9.2.2). TLS 1.3 has nothing else.
  private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
  /// Tickets of a server that verifies clients name what they are good for; any name serves.
  private static let ticketScope = Array("martlet".utf8)

  /// A context that opens connections.
  ///
  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package static func client(_ configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext
  {
    let context = TLSContext(
      .client, try ApplicationProtocols(configuration.applicationProtocols),
      newestVersion: configuration.newestVersion)
    switch (configuration.certificateFile, configuration.privateKeyFile) {
    case (let certificate?, let key?): try context.useIdentity(certificate, key)
    case (nil, nil): break
    case (let certificate?, nil):
      throw .configuration(file: certificate, problem: "a certificate needs its private key file")
    case (nil, let key?):
      throw .configuration(file: key, problem: "a private key needs its certificate file")
    }
    if configuration.verifiesServer {
      try context.trustServers(of: configuration.certificateAuthorityFile)
    }
    return context
  }

  /// A context that accepts connections.
  ///
  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package static func server(_ configuration: TLSServerConfiguration) throws(TLSError) -> TLSContext
  {
    let context = TLSContext(
      .server, try ApplicationProtocols(configuration.applicationProtocols),
      newestVersion: configuration.newestVersion)
    try context.useIdentity(configuration.certificateFile, configuration.privateKeyFile)
    if let file = configuration.clientAuthorityFile { try context.demandCertificates(of: file) }
    return context
  }

  private init(
    _ role: Role, _ applicationProtocols: consuming ApplicationProtocols, newestVersion: TLSVersion
  ) {
    let method = unsafe role == .client ? TLS_client_method() : TLS_server_method()
    guard let pointer = unsafe SSL_CTX_new(method) else {
      preconditionFailure("out of memory while creating a TLS context")
    }
    self.role = role
    unsafe self.pointer = pointer
    self.applicationProtocols = applicationProtocols
    let newest = newestVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
    let isSet =
      unsafe martlet_SSL_CTX_set_versions(pointer, TLS1_2_VERSION, newest) == 1
      && SSL_CTX_set_cipher_list(pointer, Self.ciphers) == 1
    precondition(isSet, "OpenSSL lacks TLS 1.2 or its ciphers")
    unsafe martlet_SSL_CTX_set_options(pointer)
    unsafe martlet_SSL_CTX_release_buffers(pointer)
    unsafe martlet_SSL_CTX_disable_session_cache(pointer)
    unsafe SSL_CTX_set_default_passwd_cb(pointer, refusePassword)
    useApplicationProtocols()
  }

  deinit {
    unsafe SSL_CTX_free(pointer)
  }

  private func useApplicationProtocols() {
    guard !applicationProtocols.isEmpty else { return }
    switch role {
    case .client: unsafe applicationProtocols.offer(in: pointer)
    case .server:
      unsafe SSL_CTX_set_alpn_select_cb(
        pointer, selectApplicationProtocol, Unmanaged.passUnretained(self).toOpaque())
    }
  }

  private func trustServers(of file: String?) throws(TLSError) {
    if let file {
      try check(file) { unsafe SSL_CTX_load_verify_file(pointer, file) }
    } else {
      try check(nil) { unsafe SSL_CTX_set_default_verify_paths(pointer) }
    }
    unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
  }

  private func demandCertificates(of file: String) throws(TLSError) {
    try check(file) { unsafe SSL_CTX_load_verify_file(pointer, file) }
    // Clients choose a certificate by these names (RFC 8446 §4.2.4).
    unsafe SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(file))
    unsafe SSL_CTX_set_verify(
      pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    let scope = Self.ticketScope
    try check(nil) {
      unsafe SSL_CTX_set_session_id_context(pointer, scope, UInt32(scope.count))
    }
  }

  private func useIdentity(_ certificateFile: String, _ keyFile: String) throws(TLSError) {
    try check(certificateFile) {
      unsafe SSL_CTX_use_certificate_chain_file(pointer, certificateFile)
    }
    var isEncrypted = false
    OpenSSLError.clearAll()
    // A key of another kind than the certificate's shows only in the second step.
    let isUsed = unsafe withUnsafeMutablePointer(to: &isEncrypted) { isEncrypted in
      unsafe SSL_CTX_set_default_passwd_cb_userdata(pointer, isEncrypted)
      defer { unsafe SSL_CTX_set_default_passwd_cb_userdata(pointer, nil) }
      return unsafe SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1
        && SSL_CTX_check_private_key(pointer) == 1
    }
    guard !isUsed else { return }
    let error = OpenSSLError.takeFirst()
    let problem =
      switch (error.library, error.reason) {
      case (ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH), (ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED):
        "the key does not fit the certificate in \(certificateFile)"
      case _ where isEncrypted: "the key is encrypted"
      default: error.text
      }
    throw .configuration(file: keyFile, problem: problem)
  }

  private func check(_ file: String?, _ step: () -> Int32) throws(TLSError) {
    OpenSSLError.clearAll()
    guard step() != 1 else { return }
    throw .configuration(file: file, problem: OpenSSLError.takeFirst().text)
  }

  // MARK: Called by OpenSSL

  fileprivate func select(
    from offered: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    unsafe applicationProtocols.select(from: offered)
  }
}

private func selectApplicationProtocol(
  _ session: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ selectedLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
  _ offeredLength: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let context = unsafe context else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  let owner = unsafe Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue()
  let names = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredLength))
  // Nothing in common ends the handshake (RFC 7301 §3.2).
  guard let name = unsafe owner.select(from: names) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  unsafe selected?.pointee = name.baseAddress
  unsafe selectedLength?.pointee = UInt8(name.count)
  return SSL_TLSEXT_ERR_OK
}

/// Without this, OpenSSL asks the terminal for the password of an encrypted key. `isEncrypted` points
/// at a `Bool`.
private func refusePassword(
  _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isForWriting: Int32,
  _ isEncrypted: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe isEncrypted?.storeBytes(of: true, as: Bool.self)
  return -1
}
