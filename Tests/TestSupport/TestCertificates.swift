internal import Foundation

/// Authorities, certificates and keys of one test or suite, as PEM files in a directory of their own,
/// which is removed with its owner. Made by OpenSSL's command line tool.
package final class TestCertificates: Sendable {
  /// A certificate and its key.
  package struct Identity: Hashable, Sendable {
    package var certificateFile: String
    package var privateKeyFile: String
  }

  /// The tool has failed; `output` is what it said.
  package struct NotMade: Error {
    package var output: String
  }

  package let directory: String

  /// The authority of all certificates but ``stranger``.
  package var authorityFile: String { file("authority.pem") }
  /// The authority of ``stranger``.
  package var otherAuthorityFile: String { file("other-authority.pem") }
  /// For localhost and 127.0.0.1.
  package var server: Identity { identity("server") }
  /// As ``server``, by an intermediate authority, whose certificate is in the same file.
  package var chainedServer: Identity { identity("chained-server") }
  /// As ``server``, but its time is over.
  package var expiredServer: Identity { identity("expired-server") }
  /// For elsewhere.example only.
  package var otherNameServer: Identity { identity("other-name-server") }
  /// Its common name says localhost, but it has no alternative names.
  package var commonNameServer: Identity { identity("common-name-server") }
  /// For chat.example only.
  package var chatServer: Identity { identity("chat-server") }
  /// For *.wild.example only.
  package var wildcardServer: Identity { identity("wildcard-server") }
  /// Its common name is client; it has alternative names of all kinds.
  package var client: Identity { identity("client") }
  /// Good for localhost, 127.0.0.1 and clients, if the other authority were trusted.
  package var stranger: Identity { identity("stranger") }
  /// The key of ``server``, encrypted with a password.
  package var encryptedKeyFile: String { file("encrypted.key") }
  /// A key of another kind than those of all certificates.
  package var ed25519KeyFile: String { file("ed25519.key") }

  private init(_ directory: String) {
    self.directory = directory
  }

  deinit {
    try? FileManager.default.removeItem(atPath: directory)
  }

  package static func make() async throws -> TestCertificates {
    let directory = NSTemporaryDirectory() + "martlet-certificates-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let certificates = TestCertificates(directory)
    let script = try certificates.write(script, to: "make")
    _ = try certificates.write(extensions, to: "extensions.cnf")
    let output = certificates.file("output")
    let process = try ChildProcess("sh", [script, directory], output: output)
    try await eventually("the certificates are made") { !process.isRunning }
    guard process.status == 0 else {
      throw NotMade(output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }
    return certificates
  }

  /// Writes a further file into the directory; the result is its path.
  package func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    return file(name)
  }

  private func file(_ name: String) -> String { "\(directory)/\(name)" }

  private func identity(_ name: String) -> Identity {
    Identity(certificateFile: file("\(name).pem"), privateKeyFile: file("\(name).key"))
  }

  /// A section for each kind of certificate.
  private static let extensions = """
    [req]
    distinguished_name = name
    [name]
    [authority]
    basicConstraints = critical, CA:TRUE
    keyUsage = critical, keyCertSign
    subjectKeyIdentifier = hash
    [here]
    basicConstraints = critical, CA:FALSE
    subjectAltName = DNS:localhost, IP:127.0.0.1
    [elsewhere]
    basicConstraints = critical, CA:FALSE
    subjectAltName = DNS:elsewhere.example
    [chat]
    basicConstraints = critical, CA:FALSE
    subjectAltName = DNS:chat.example
    [wildcard]
    basicConstraints = critical, CA:FALSE
    subjectAltName = DNS:*.wild.example
    [nowhere]
    basicConstraints = critical, CA:FALSE
    [client]
    basicConstraints = critical, CA:FALSE
    extendedKeyUsage = clientAuth
    subjectAltName = DNS:client.example, IP:127.0.0.1, email:client@example.org, URI:spiffe://example/client

    """

  private static let script = """
    set -eu
    cd "$1"
    curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config extensions.cnf'
    # authority FILE: signed by itself
    authority() {
      openssl req -x509 $curve -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" -days 2 -extensions authority
    }
    # certificate FILE AUTHORITY SECTION DAYS COMMON-NAME
    certificate() {
      openssl req -new $curve -keyout "$1.key" -out request -subj "/CN=$5"
      openssl x509 -req -in request -CA "$2.pem" -CAkey "$2.key" -extfile extensions.cnf \\
        -extensions "$3" -days "$4" -out "$1.pem"
    }
    authority authority
    authority other-authority
    certificate intermediate authority authority 2 intermediate
    certificate server authority here 2 server
    certificate chained-server intermediate here 2 server
    cat intermediate.pem >> chained-server.pem
    certificate expired-server authority here -1 server
    certificate other-name-server authority elsewhere 2 server
    certificate chat-server authority chat 2 server
    certificate wildcard-server authority wildcard 2 server
    certificate common-name-server authority nowhere 2 localhost
    certificate client authority client 2 client
    certificate stranger other-authority here 2 stranger
    openssl pkey -in server.key -aes-256-cbc -passout pass:secret -out encrypted.key
    openssl genpkey -algorithm ED25519 -out ed25519.key

    """
}
