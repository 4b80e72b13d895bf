// A TCP connection to the server, with or without TLS, that carries one client over HTTP/1.1 or several over HTTP/2.

#pragma once

#include "client.h"

struct link_options {
  int port;
  bool uses_tls, uses_http2;
  bool offers_compression;
  const char *path;          // of the groups: group 7 is at PATH7/
  uint32_t groups, clients_per_link;
  char **tokens;             // one for each client, or NULL
};

// Prepares TLS; call once.
void links_configure(const struct link_options *options, uint32_t clients);

// Opens the client's connection if it is the first on it, and sends its request as soon as that is possible.
void link_start(struct client *client);

// Sends bytes of the client; they are small, and a server that does not take them ends the run.
void link_send(struct client *client, const uint8_t *bytes, size_t length);

// Waits for events and handles them.
void links_turn(int milliseconds);

// Closes all connections at once.
void links_close(void);
