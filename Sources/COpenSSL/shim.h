#pragma once
#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
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

/// A memory BIO that says "try again" when it is empty, not "end".
static inline BIO *martlet_BIO_new_memory(void) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio != NULL) BIO_set_mem_eof_return(bio, -1);
  return bio;
}

/// The bytes that a memory BIO has allocated.
static inline size_t martlet_BIO_memory_capacity(BIO *bio) {
  BUF_MEM *memory = NULL;
  BIO_get_mem_ptr(bio, &memory);
  return memory == NULL ? 0 : memory->max;
}

/// Gives an empty memory BIO's allocation back. What a memory BIO has once needed it keeps otherwise.
static inline void martlet_BIO_release_memory(BIO *bio) {
  BUF_MEM *memory = BUF_MEM_new();
  if (memory != NULL) BIO_set_mem_buf(bio, memory, BIO_CLOSE);
}

/// The error number of the system if `code` stands for one, otherwise 0.
static inline int martlet_ERR_system_error(unsigned long code) {
  return ERR_SYSTEM_ERROR(code) ? ERR_GET_REASON(code) : 0;
}
