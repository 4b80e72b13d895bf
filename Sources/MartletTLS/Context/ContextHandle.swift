internal import COpenSSL

/// The side of a connection.
enum TLSRole {
  case client
  case server
}

/// One owner of an OpenSSL `SSL_CTX`, with what all of ours have in common. Changed while a ``TLSContext`` is
/// made, not afterwards.
@safe final class ContextHandle: Sendable {
  /// OpenSSL counts references to it atomically and locks what its sessions share.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// Forward secrecy and authenticated encryption for TLS 1.2 (RFC 9325 §4.2), which is also what HTTP/2
  /// asks for (RFC 9113 §9.2.2). TLS 1.3 has nothing else.
  private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

  /// - Parameter versions: the oldest and the newest that are spoken.
  init(_ role: TLSRole, versions: (oldest: TLSVersion, newest: TLSVersion)) {
    let method = unsafe role == .client ? TLS_client_method() : TLS_server_method()
    guard let pointer = unsafe SSL_CTX_new(method) else {
      preconditionFailure("out of memory while creating a TLS context")
    }
    unsafe self.pointer = pointer
    let isSet =
      unsafe martlet_SSL_CTX_set_versions(
        pointer, versions.oldest.number, versions.newest.number) == 1
      && SSL_CTX_set_cipher_list(pointer, Self.ciphers) == 1
    precondition(isSet, "OpenSSL lacks TLS 1.2 or its ciphers")
    unsafe martlet_SSL_CTX_set_options(pointer)
    unsafe martlet_SSL_CTX_release_buffers(pointer)
    unsafe martlet_SSL_CTX_disable_session_cache(pointer)
    unsafe SSL_CTX_set_default_passwd_cb(pointer, refusePassword)
  }

  deinit {
    unsafe SSL_CTX_free(pointer)
  }

  // MARK: Identities and trust

  /// Shows this certificate and its chain to peers.
  func useIdentity(_ certificateFile: String, _ keyFile: String) throws(TLSError) {
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

  /// A client's: refuses servers that no authority of `file`, or of the system, vouches for.
  func trustServers(of file: String?) throws(TLSError) {
    if let file {
      try check(file) { unsafe SSL_CTX_load_verify_file(pointer, file) }
    } else {
      try check(nil) { unsafe SSL_CTX_set_default_verify_paths(pointer) }
    }
    unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
  }

  /// A server's: asks clients for certificates that an authority of `file` vouches for.
  func askClients(for file: String, required: Bool) throws(TLSError) {
    try check(file) { unsafe SSL_CTX_load_verify_file(pointer, file) }
    // Clients choose a certificate by these names (RFC 8446 §4.2.4).
    unsafe SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(file))
    let refusal = required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
    unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | refusal, nil)
  }

  /// Tickets are good for contexts of the same scope only; at most 32 bytes.
  func setTicketScope(_ scope: [UInt8]) {
    let status = unsafe SSL_CTX_set_session_id_context(pointer, scope, UInt32(scope.count))
    precondition(status == 1, "a scope of tickets is longer than 32 bytes")
  }

  private func check(_ file: String?, _ step: () -> Int32) throws(TLSError) {
    OpenSSLError.clearAll()
    guard step() != 1 else { return }
    throw .configuration(file: file, problem: OpenSSLError.takeFirst().text)
  }
}

extension TLSVersion {
  fileprivate var number: Int32 {
    switch self {
    case .tls12: TLS1_2_VERSION
    case .tls13: TLS1_3_VERSION
    }
  }
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
