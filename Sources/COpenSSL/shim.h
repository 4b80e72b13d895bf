#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Swift sees neither macros with arguments nor constants made by them: one function for each job.

static inline int martlet_SSL_CTX_set_versions(SSL_CTX *context, int minimum, int maximum) {
  return SSL_CTX_set_min_proto_version(context, minimum) && SSL_CTX_set_max_proto_version(context, maximum);
}

/// No renegotiation and no compression; the server chooses among the ciphers, and takes ChaCha20 for clients
/// that prefer it because they lack AES in hardware.
static inline void martlet_SSL_CTX_set_options(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

/// An idle connection keeps no record buffers.
static inline void martlet_SSL_CTX_release_buffers(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

/// Sessions live in the tickets that clients hold, not in a table here.
static inline void martlet_SSL_CTX_disable_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int martlet_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

/// Says to the caller of a BIO's read that there is nothing yet, not that it has ended.
static inline void martlet_BIO_should_read_again(BIO *bio) {
  BIO_set_retry_read(bio);
}

static inline void martlet_BIO_clear_retry(BIO *bio) {
  BIO_clear_retry_flags(bio);
}

/// `callback` is told the name that the client asks for, with `owner` as its last argument.
static inline void martlet_SSL_CTX_set_servername_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *owner) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, owner);
}

/// HKDF with SHA-256 and without salt (RFC 5869).
static inline int martlet_HKDF(
    const unsigned char *secret, size_t secret_length, const unsigned char *info, size_t info_length,
    unsigned char *key, size_t key_length) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, secret_length),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_length),
      OSSL_PARAM_construct_end(),
  };
  EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *derivation = EVP_KDF_CTX_new(hkdf);
  int status = derivation != NULL && EVP_KDF_derive(derivation, key, key_length, parameters) == 1;
  EVP_KDF_CTX_free(derivation);
  EVP_KDF_free(hkdf);
  return status;
}

/// Prepares a ticket's encryption by AES-256-CBC and its authentication by HMAC-SHA-256, both with keys of 32 bytes.
static inline int martlet_use_ticket_key(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *encryption_key,
    const unsigned char *authentication_key, const unsigned char *iv, int seals) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)authentication_key, 32),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, encryption_key, iv, seals) == 1 &&
         EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// Writes a name as RFC 4514 has it, in UTF-8.
static inline int martlet_X509_NAME_print(BIO *bio, const X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

/// Visits the alternative names of a certificate that are text: `kind` is `GEN_EMAIL`, `GEN_DNS` or `GEN_URI`.
static inline void martlet_X509_visit_alternative_names(
    const X509 *certificate, void (*visit)(void *owner, int kind, const unsigned char *text, int length), void *owner) {
  GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  for (int index = 0; index < sk_GENERAL_NAME_num(names); index += 1) {
    int kind = 0;
    const ASN1_STRING *text = (const ASN1_STRING *)GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &kind);
    if (kind != GEN_EMAIL && kind != GEN_DNS && kind != GEN_URI) continue;
    visit(owner, kind, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
  }
  GENERAL_NAMES_free(names);
}

/// The error number of the system if `code` stands for one, otherwise 0.
static inline int martlet_ERR_system_error(unsigned long code) {
  return ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0;
}
