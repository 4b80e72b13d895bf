internal import COpenSSL

/// The settings, certificates and keys that many sessions share.
///
/// Reads its files once, when it is made; new files need a new context (``ReloadingTLSContext``). Immutable
/// afterwards, so event loops share it; sessions keep it alive.
@safe package final class TLSContext: Sendable {
  let role: TLSRole
  /// What sessions begin with: a server's default identity.
  let handle: ContextHandle
  private let applicationProtocols: ApplicationProtocols
  private let listener: ListenerIdentities?

  /// A context that opens connections.
  ///
  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package static func client(_ configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext
  {
    let handle = ContextHandle(
      .client, versions: (oldest: .tls12, newest: configuration.newestVersion))
    switch (configuration.certificateFile, configuration.privateKeyFile) {
    case (let certificate?, let key?): try handle.useIdentity(certificate, key)
    case (nil, nil): break
    case (let certificate?, nil):
      throw .configuration(file: certificate, problem: "a certificate needs its private key file")
    case (nil, let key?):
      throw .configuration(file: key, problem: "a private key needs its certificate file")
    }
    if configuration.verifiesServer {
      try handle.trustServers(of: configuration.certificateAuthorityFile)
    }
    return TLSContext(
      .client, handle, try ApplicationProtocols(configuration.applicationProtocols), nil)
  }

  /// A context that accepts connections.
  ///
  /// - Parameter clock: the time in seconds since 1970, which chooses the keys of tickets.
  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package static func server(
    _ configuration: TLSServerConfiguration, clock: @escaping @Sendable () -> Int = SystemClock.now
  ) throws(TLSError) -> TLSContext {
    let listener = try ListenerIdentities(configuration, clock: clock)
    return TLSContext(
      .server, listener.standard, try ApplicationProtocols(configuration.applicationProtocols),
      listener)
  }

  private init(
    _ role: TLSRole, _ handle: ContextHandle,
    _ applicationProtocols: consuming ApplicationProtocols, _ listener: ListenerIdentities?
  ) {
    self.role = role
    self.handle = handle
    self.applicationProtocols = applicationProtocols
    self.listener = listener
    useApplicationProtocols()
    listener?.install()
  }

  private func useApplicationProtocols() {
    guard !applicationProtocols.isEmpty else { return }
    switch role {
    case .client: unsafe applicationProtocols.offer(in: handle.pointer)
    case .server:
      // A session asks the context of the identity that it has come to.
      for handle in listener?.all ?? [] {
        unsafe SSL_CTX_set_alpn_select_cb(
          handle.pointer, selectApplicationProtocol, Unmanaged.passUnretained(self).toOpaque())
      }
    }
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
