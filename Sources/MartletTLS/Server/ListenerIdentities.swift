internal import COpenSSL

/// What only a listener has: identities by server name, what it wants of clients, and the keys of tickets.
/// The ``TLSContext`` that made it keeps it for as long as there are sessions.
@safe final class ListenerIdentities: Sendable {
  /// For clients that ask for no name, or for one that nobody has.
  let standard: ContextHandle
  private let named: [ContextHandle]
  private let names: ServerNames
  private let tickets: TicketKeys
  private let clock: @Sendable () -> Int

  /// How long a client may come back without a full handshake, in seconds. Also how long a client's certificate may
  /// be trusted after its authority has taken its word back.
  private static let ticketLifetime = 2 * 3_600
  /// A browser may come back with two connections at once, and uses a ticket only once (RFC 8446 §C.4).
  private static let ticketCount = 2

  var all: [ContextHandle] { [standard] + named }

  init(
    _ configuration: TLSServerConfiguration, clock: @escaping @Sendable () -> Int
  ) throws(TLSError) {
    guard configuration.clientCertificates == .none || configuration.clientAuthorityFile != nil
    else {
      throw .configuration(problem: "clients' certificates need a file of authorities")
    }
    let scope = try Self.ticketScope(configuration)
    standard = try Self.handle(configuration.identity, configuration, scope)
    named = try configuration.namedIdentities.map { identity throws(TLSError) in
      try Self.handle(identity, configuration, scope)
    }
    names = try ServerNames(configuration.namedIdentities.map(\.serverNames))
    tickets = TicketKeys(secret: try configuration.ticketSecret.bytes())
    self.clock = clock
  }

  /// All but certificate and key is the same for all identities: a session begins with the standard one, and takes some
  /// settings from there, others from the one that it comes to.
  private static func handle(
    _ identity: TLSIdentity, _ configuration: TLSServerConfiguration, _ scope: [UInt8]
  ) throws(TLSError) -> ContextHandle {
    let handle = ContextHandle(
      .server, versions: (oldest: configuration.oldestVersion, newest: configuration.newestVersion))
    try handle.useIdentity(identity.certificateFile, identity.privateKeyFile)
    if let file = configuration.authorityFile {
      try handle.askClients(for: file, required: configuration.clientCertificates == .required)
    }
    handle.setTicketScope(scope)
    unsafe SSL_CTX_set_timeout(handle.pointer, Self.ticketLifetime)
    unsafe SSL_CTX_set_num_tickets(handle.pointer, Self.ticketCount)
    return handle
  }

  /// Tickets vouch for the client's certificate that was shown when they were made. So they are good only where the same
  /// is asked of clients, and the same authorities are trusted.
  private static func ticketScope(
    _ configuration: TLSServerConfiguration
  ) throws(TLSError) -> [UInt8] {
    var text = Array("martlet clients=\(configuration.clientCertificates.rawValue) ".utf8)
    if let file = configuration.authorityFile { text += try FileBytes.read(file) }
    return OpenSSL.sha256(text)
  }

  /// Has OpenSSL call this object. Not before it is whole.
  func install() {
    let owner = unsafe Unmanaged.passUnretained(self).toOpaque()
    for handle in all {
      unsafe SSL_CTX_set_ex_data(handle.pointer, ownerIndex, owner)
      unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(handle.pointer, useTicketKey)
      unsafe SSL_CTX_set_session_ticket_cb(handle.pointer, nil, judgeTicket, owner)
    }
    guard !named.isEmpty else { return }
    unsafe martlet_SSL_CTX_set_servername_callback(standard.pointer, chooseIdentity, owner)
  }

  // MARK: Called by OpenSSL

  /// Whether the name is known.
  fileprivate func choose(for session: OpaquePointer, name: String) -> Bool {
    guard let index = names.identity(for: name) else { return false }
    return unsafe SSL_set_SSL_CTX(session, named[index].pointer) != nil
  }

  fileprivate var sealingKey: TicketKey { tickets.sealing(at: clock()) }

  fileprivate func openingKey(_ name: [UInt8]) -> TicketKeys.Opening? {
    tickets.opening(name, at: clock())
  }

  /// Whether the time of a certificate that a ticket vouches for is over.
  fileprivate func isExpired(_ certificate: OpaquePointer) -> Bool {
    var time = time_t(clock())
    return unsafe X509_cmp_time(X509_get0_notAfter(certificate), &time) < 0
  }
}

extension TLSServerConfiguration {
  /// Nil if clients are not asked for certificates.
  fileprivate var authorityFile: String? {
    clientCertificates == .none ? nil : clientAuthorityFile
  }
}

/// OpenSSL leaves this place of a context to applications.
private let ownerIndex: Int32 = 0

private func chooseIdentity(
  _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?,
  _ owner: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session, let owner = unsafe owner,
    let name = unsafe SSL_get_servername(session, TLSEXT_NAMETYPE_host_name)
  else { return SSL_TLSEXT_ERR_NOACK }
  let identities = unsafe Unmanaged<ListenerIdentities>.fromOpaque(owner).takeUnretainedValue()
  let isKnown = unsafe identities.choose(for: session, name: String(cString: name))
  // An unknown name is no error: the client judges the default certificate (RFC 6066 §3).
  return isKnown ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
}

/// Prepares the encryption of a new ticket, or the decryption of one whose key has the given name.
private func useTicketKey(
  _ session: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?,
  _ iv: UnsafeMutablePointer<UInt8>?, _ cipher: OpaquePointer?, _ mac: OpaquePointer?,
  _ isSealing: Int32
) -> Int32 {
  let failure: Int32 = -1
  guard let owner = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), ownerIndex),
    let name = unsafe name
  else { return failure }
  let identities = unsafe Unmanaged<ListenerIdentities>.fromOpaque(owner).takeUnretainedValue()
  let field = unsafe UnsafeMutableBufferPointer(start: name, count: TicketKey.nameLength)
  var result: Int32 = 1
  let key: TicketKey
  if isSealing == 1 {
    key = identities.sealingKey
    guard unsafe RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 else {
      return failure
    }
    _ = unsafe field.update(fromContentsOf: key.name)
  } else {
    guard let opening = unsafe identities.openingKey(Array(field)) else { return 0 }
    key = opening.key
    if !opening.isCurrent { result = 2 }
  }
  let status = unsafe martlet_use_ticket_key(
    cipher, mac, key.encryption, key.authentication, iv, isSealing)
  return status == 1 ? result : failure
}

/// Whether a ticket is good for its bearer. Whatever is wrong with one, a full handshake puts right.
private func judgeTicket(
  _ session: OpaquePointer?, _ saved: OpaquePointer?, _ keyName: UnsafePointer<UInt8>?,
  _ keyNameLength: Int, _ status: Int32, _ owner: UnsafeMutableRawPointer?
) -> Int32 {
  guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
    return SSL_TICKET_RETURN_IGNORE_RENEW
  }
  if let owner = unsafe owner, let certificate = unsafe SSL_SESSION_get0_peer(saved) {
    let identities = unsafe Unmanaged<ListenerIdentities>.fromOpaque(owner).takeUnretainedValue()
    guard unsafe !identities.isExpired(certificate) else { return SSL_TICKET_RETURN_IGNORE_RENEW }
  }
  return status == SSL_TICKET_SUCCESS_RENEW
    ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE
}
