internal import COpenSSL

extension TLSClientCertificate {
  /// Whom a certificate names. `certificate` is only borrowed.
  init(_ certificate: OpaquePointer) {
    self.init(
      subject: unsafe Self.text(of: X509_get_subject_name(certificate)),
      commonName: unsafe Self.commonName(in: X509_get_subject_name(certificate)))
    unsafe withUnsafeMutablePointer(to: &self) { names in
      unsafe martlet_X509_visit_alternative_names(certificate, noteAlternativeName, names)
    }
  }

  private static func text(of name: OpaquePointer?) -> String {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
    defer { unsafe BIO_free(bio) }
    guard unsafe martlet_X509_NAME_print(bio, name) >= 0 else { return "" }
    let count = Int(unsafe BIO_ctrl_pending(bio))
    return unsafe String(unsafeUninitializedCapacity: count) { bytes in
      var read = 0
      unsafe BIO_read_ex(bio, bytes.baseAddress, bytes.count, &read)
      return read
    }
  }

  /// The last one, which is the most specific (RFC 4514 §2.1 writes them the other way round).
  private static func commonName(in name: OpaquePointer?) -> String? {
    var last: Int32 = -1
    while case let next = unsafe X509_NAME_get_index_by_NID(name, NID_commonName, last), next >= 0 {
      last = next
    }
    guard last >= 0 else { return nil }
    let value = unsafe X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last))
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = unsafe ASN1_STRING_to_UTF8(&bytes, value)
    guard count >= 0, let bytes = unsafe bytes else { return nil }
    defer { unsafe CRYPTO_free(bytes, #file, #line) }
    return unsafe String(
      decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }
}

/// `owner` points at a ``TLSClientCertificate``.
private func noteAlternativeName(
  _ owner: UnsafeMutableRawPointer?, _ kind: Int32, _ bytes: UnsafePointer<UInt8>?, _ length: Int32
) {
  guard let names = unsafe owner?.assumingMemoryBound(to: TLSClientCertificate.self) else { return }
  let text = unsafe String(
    decoding: UnsafeBufferPointer(start: bytes, count: Int(length)), as: UTF8.self)
  switch kind {
  case GEN_DNS: unsafe names.pointee.hostNames.append(text)
  case GEN_EMAIL: unsafe names.pointee.emailAddresses.append(text)
  case GEN_URI: unsafe names.pointee.uris.append(text)
  default: break
  }
}
