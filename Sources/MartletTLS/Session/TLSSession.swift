internal import COpenSSL
internal import NIOCore

/// One side of one TLS connection, without its transport: one owner of an OpenSSL `SSL`.
///
/// Ciphertext goes in by ``receive(_:)`` and comes out by ``takeOutput()``, also after a failure,
/// which has made an alert. Confined to one event loop.
@safe struct TLSSession: ~Copyable {
  /// How far a step came with the bytes at hand.
  enum Progress: Equatable {
    case needsInput
    case finished
    case failed(String)
  }

  /// Why there is no more plaintext.
  enum ReadEnd: Equatable {
    case needsInput
    case closeNotify
    case failed(String)
  }

  /// The most that fits a record (RFC 8446 §5.1).
  static let recordSize = 16_384
  /// The most that a record adds to its plaintext: header, nonce and tag of TLS 1.2.
  static let recordOverhead = 29

  private let ssl: OpaquePointer
  private let transport = TransportBIO()
  /// OpenSSL's callbacks point at it.
  private let context: TLSContext

  /// A session that has not sent anything yet.
  init(_ context: TLSContext) {
    guard let ssl = unsafe SSL_new(context.handle.pointer) else {
      preconditionFailure("out of memory while creating a TLS session")
    }
    unsafe self.ssl = ssl
    self.context = context
    unsafe SSL_set_bio(ssl, transport.pointer, transport.pointer)
    switch context.role {
    case .client: unsafe SSL_set_connect_state(ssl)
    case .server: unsafe SSL_set_accept_state(ssl)
    }
  }

  deinit {
    unsafe SSL_free(ssl)
  }

  /// What the session has allocated for ciphertext.
  var bufferedCapacity: Int { transport.capacity }

  /// Says whom to expect: a host name, which is told to the server, or an IP address, which is not
  /// (RFC 6066 §3).
  ///
  /// - Throws: ``TLSError/configuration(file:problem:)`` if it is neither.
  func expect(serverName: String) throws(TLSError) {
    let isVisible = serverName.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    guard !serverName.isEmpty, isVisible else { throw Self.isNoName(serverName) }
    OpenSSLError.clearAll()
    let parameters = unsafe SSL_get0_param(ssl)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 { return }
    // A dot at the end is the resolver's concern, and not allowed here (RFC 6066 §3).
    let host = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
    // The subject's common name is free text, not a name to rely on (RFC 9525 §2).
    unsafe X509_VERIFY_PARAM_set_hostflags(
      parameters,
      UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    let isSet =
      unsafe !host.isEmpty
      && X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1
      && martlet_SSL_set_tlsext_host_name(ssl, host) == 1
    guard isSet else { throw Self.isNoName(serverName) }
  }

  private static func isNoName(_ serverName: String) -> TLSError {
    .configuration(problem: "'\(serverName)' is neither a host name in ASCII nor an IP address")
  }

  // MARK: Ciphertext

  /// Takes all readable bytes of `ciphertext`.
  func receive(_ ciphertext: ByteBuffer) {
    transport.receive(ciphertext)
  }

  /// What is to be sent.
  func takeOutput() -> ByteBuffer {
    transport.takeOutput()
  }

  // MARK: Steps

  /// Goes on with the handshake.
  func handshake() -> Progress {
    OpenSSLError.clearAll()
    let status = unsafe SSL_do_handshake(ssl)
    guard status != 1 else { return .finished }
    guard unsafe SSL_get_error(ssl, status) != SSL_ERROR_WANT_READ else { return .needsInput }
    return .failed(takeFailure())
  }

  /// Appends to `plaintext` all that has been received. Answers nothing: what TLS 1.3 wants answered
  /// (RFC 8446 §4.6.3) waits for the next ``encrypt(_:)``.
  func decrypt(into plaintext: inout ByteBuffer) -> ReadEnd {
    while true {
      OpenSSLError.clearAll()
      // Plaintext is shorter than its ciphertext; the rest of a record is known once it is open.
      let room = max(Int(unsafe SSL_pending(ssl)), transport.inputCount, 1)
      var status: Int32 = 0
      unsafe plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
        var count = 0
        status = unsafe SSL_read_ex(ssl, bytes.baseAddress, bytes.count, &count)
        return count
      }
      guard status != 1 else { continue }
      switch unsafe SSL_get_error(ssl, status) {
      case SSL_ERROR_WANT_READ where transport.outputCount == 0: return .needsInput
      // The alert that declines it. A peer that goes on asking could fill this side's memory.
      case SSL_ERROR_WANT_READ: return .failed("the peer asks for a renegotiation")
      case SSL_ERROR_ZERO_RETURN: return .closeNotify
      default: return .failed(takeFailure())
      }
    }
  }

  /// Makes the records of `plaintext`, behind what waits to be sent.
  func encrypt(_ plaintext: ByteBuffer) throws(TLSError) {
    guard plaintext.readableBytes > 0 else { return }
    let records = (plaintext.readableBytes - 1) / Self.recordSize + 1
    transport.reserveOutput(plaintext.readableBytes + records * Self.recordOverhead)
    OpenSSLError.clearAll()
    let status = unsafe plaintext.withUnsafeReadableBytes { bytes in
      var count = 0
      return unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
    }
    guard status == 1 else { throw .connection(takeFailure()) }
  }

  /// Makes close_notify (RFC 8446 §6.1). The handshake must be over.
  func shutdown() {
    OpenSSLError.clearAll()
    _ = unsafe SSL_shutdown(ssl)
  }

  /// What the handshake has found.
  var handshakeResult: TLSHandshakeCompleted {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &name, &length)
    let bytes = unsafe UnsafeBufferPointer(start: name, count: Int(length))
    let serverName = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
    return TLSHandshakeCompleted(
      version: unsafe SSL_version(ssl) == TLS1_3_VERSION ? .tls13 : .tls12,
      applicationProtocol: bytes.isEmpty ? nil : unsafe String(decoding: bytes, as: UTF8.self),
      serverName: unsafe serverName.map { unsafe String(cString: $0) },
      isResumed: unsafe SSL_session_reused(ssl) == 1,
      clientCertificate: clientCertificate)
  }

  /// Of a server's session: the certificate that the client has shown and an authority vouches for.
  private var clientCertificate: TLSClientCertificate? {
    guard context.role == .server, let certificate = unsafe SSL_get0_peer_certificate(ssl),
      unsafe SSL_get_verify_result(ssl) == X509_V_OK
    else { return nil }
    return unsafe TLSClientCertificate(certificate)
  }

  // MARK: Coming back

  /// What a client needs to come back without a full handshake; nil if the server has given nothing, or not yet:
  /// with TLS 1.3 it comes after the handshake (RFC 8446 §4.6.1).
  func ticket() -> TLSTicket? {
    guard let saved = unsafe SSL_get1_session(ssl) else { return nil }
    let ticket = unsafe TLSTicket(saved)
    return ticket.isResumable ? ticket : nil
  }

  /// Offers the server to continue the session of `ticket`. It may decline.
  func offer(_ ticket: TLSTicket) {
    _ = unsafe SSL_set_session(ssl, ticket.pointer)
  }

  private func takeFailure() -> String {
    let error = OpenSSLError.takeFirst()
    guard error.library == ERR_LIB_SSL else { return error.text }
    switch error.reason {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      let cause = unsafe X509_verify_cert_error_string(SSL_get_verify_result(ssl))
      return unsafe "\(error.text): \(cause.map { unsafe String(cString: $0) } ?? "unknown cause")"
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
      return "\(error.text) (the peer seems not to speak TLS)"
    case SSL_AD_REASON_OFFSET...: return "the peer refuses: \(Self.alert(error))"
    default: return error.text
    }
  }

  private static func alert(_ error: OpenSSLError) -> String {
    let name = unsafe SSL_alert_desc_string_long(error.reason - SSL_AD_REASON_OFFSET)
    let text = unsafe name.map { unsafe String(cString: $0) }
    // Its table lacks those that are new in TLS 1.3.
    return text == "unknown" ? error.text : text ?? error.text
  }
}
