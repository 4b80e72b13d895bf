// One client of the server: a WebSocket, or the reader of an event stream. Knows nothing of sockets,
// TLS and HTTP/2; see link.h.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

enum { HEAD_SIZE = 64, ANSWER_SIZE = 1024, NUMBER_DIGITS = 10 };

#define EVENT_START "{\"type\":\"load\",\"data\":\""
#define EVENT_END "\"}"

struct client {
  struct link *link;
  uint32_t index;
  bool is_event_stream;
  bool started;
  bool open;                 // the answer's head has come
  bool joined;
  uint32_t received;         // publications, so also the number of the next one
  // The frame being read, or the line.
  uint64_t payload_left;
  uint8_t header_length, header[10];
  uint8_t head_length, head[HEAD_SIZE];
  // The answer's head over HTTP/1.1, while it is incomplete.
  char *answer;
  uint16_t answer_length;
  // An HTTP/2 stream, and what waits to be sent on it.
  int32_t stream;
  uint8_t *unsent;
  size_t unsent_length;
};

// Takes bytes behind the head of the answer, in any partition.
void client_receive(struct client *client, const uint8_t *bytes, size_t length);

// Takes bytes of an HTTP/1.1 connection, head included.
void client_receive_http1(struct client *client, const uint8_t *bytes, size_t length);

// Writes a masked frame of fewer than 65,536 bytes to `out`, which has 14 bytes more, and returns its length.
size_t put_frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t length);

// Implemented by the driver.
void client_joined(struct client *client);
void client_got_publication(struct client *client);
