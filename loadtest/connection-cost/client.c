#include "client.h"

#include "common.h"
#include "link.h"

static const char JOINED_START[] = "{\"type\":\"connection_established\"";
static const char ERROR_START[] = "{\"type\":\"error\"";

// RFC 6455 §5.3 asks for an unpredictable mask; for the server's work any changing one will do.
static uint32_t next_mask(void) {
  static uint32_t state = 0x9E3779B9;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

size_t put_frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t length) {
  size_t at = 0;
  out[at++] = first;
  if (length < 126) {
    out[at++] = (uint8_t)(0x80 | length);
  } else {
    out[at++] = 0x80 | 126;
    out[at++] = (uint8_t)(length >> 8);
    out[at++] = (uint8_t)length;
  }
  uint32_t value = next_mask();
  uint8_t mask[4];
  memcpy(mask, &value, 4);
  memcpy(out + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) out[at + i] = payload[i] ^ mask[i & 3];
  return at + length;
}

static bool starts(const struct client *client, const char *text) {
  size_t length = strlen(text);
  return client->head_length >= length && memcmp(client->head, text, length) == 0;
}

// `client->head` is the beginning of a JSON text, or of one that cannot be read because it is compressed.
static void receive_message(struct client *client, bool is_compressed) {
  if (!client->joined) {
    if (!is_compressed && !starts(client, JOINED_START)) {
      die("the server refused: %.*s", client->head_length, (char *)client->head);
    }
    client->joined = true;
    client_joined(client);
  } else if (is_compressed) {
    client->received++;
    client_got_publication(client);
  } else if (starts(client, EVENT_START)) {
    uint32_t number = 0;
    for (int digit = 0; digit < NUMBER_DIGITS; digit++) {
      number = 10 * number + (uint32_t)(client->head[sizeof(EVENT_START) - 1 + digit] - '0');
    }
    if (number != client->received) {
      die("client %u received message %u instead of %u: lost, repeated or reordered", client->index,
          number, client->received);
    }
    client->received++;
    client_got_publication(client);
  } else if (starts(client, ERROR_START)) {
    die("the server refused: %.*s", client->head_length, (char *)client->head);
  }
  // Anything else is about presence.
}

static void end_of_frame(struct client *client) {
  uint8_t opcode = client->header[0] & 0x0F;
  if (opcode == 0x1) {
    receive_message(client, (client->header[0] & 0x40) != 0);
  } else if (opcode == 0x9) {
    uint8_t pong[HEAD_SIZE + 14];
    link_send(client, pong, put_frame(pong, 0x8A, client->head, client->head_length));
  } else if (opcode == 0x8) {
    int code = client->head_length < 2 ? 1005 : client->head[0] << 8 | client->head[1];
    die("the server closed a connection with %d", code);
  }
}

static void receive_frames(struct client *client, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    if (client->payload_left == 0) {
      // Header: 2 bytes, then 2 or 8 of length if the second of them says so (RFC 6455 §5.2).
      client->header[client->header_length++] = *bytes++;
      length--;
      if (client->header_length < 2) continue;
      int extended = client->header[1] == 126 ? 2 : client->header[1] == 127 ? 8 : 0;
      if (client->header_length < 2 + extended) continue;
      client->payload_left = extended == 0 ? client->header[1] : 0;
      for (int i = 2; i < 2 + extended; i++) {
        client->payload_left = client->payload_left << 8 | client->header[i];
      }
      client->head_length = 0;
    } else {
      size_t taken = length < client->payload_left ? length : client->payload_left;
      size_t kept = HEAD_SIZE - (size_t)client->head_length;
      if (kept > taken) kept = taken;
      memcpy(client->head + client->head_length, bytes, kept);
      client->head_length = (uint8_t)(client->head_length + kept);
      client->payload_left -= taken;
      bytes += taken;
      length -= taken;
    }
    if (client->payload_left == 0) {
      end_of_frame(client);
      client->header_length = 0;
    }
  }
}

// Events are lines, and a message is in one `data: ` line (docs/protocol.md, Server-sent events).
static void receive_lines(struct client *client, const uint8_t *bytes, size_t length) {
  static const size_t FIELD = sizeof("data: ") - 1;
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != '\n') {
      if (client->head_length < HEAD_SIZE) client->head[client->head_length++] = bytes[i];
      continue;
    }
    if (starts(client, "data: ")) {
      client->head_length = (uint8_t)(client->head_length - FIELD);
      memmove(client->head, client->head + FIELD, client->head_length);
      receive_message(client, false);
    }
    client->head_length = 0;
  }
}

void client_receive(struct client *client, const uint8_t *bytes, size_t length) {
  if (client->is_event_stream) {
    receive_lines(client, bytes, length);
  } else {
    receive_frames(client, bytes, length);
  }
}

void client_receive_http1(struct client *client, const uint8_t *bytes, size_t length) {
  if (client->open) return client_receive(client, bytes, length);
  if (client->answer == NULL) client->answer = zeroed(ANSWER_SIZE, 1);
  size_t before = client->answer_length, room = ANSWER_SIZE - 1 - before;
  size_t taken = length < room ? length : room;
  memcpy(client->answer + before, bytes, taken);
  client->answer_length = (uint16_t)(before + taken);
  client->answer[client->answer_length] = '\0';
  char *end = strstr(client->answer, "\r\n\r\n");
  if (end == NULL) {
    if (taken == room) die("the answer to the request is too long");
    return;
  }
  const char *wanted = client->is_event_stream ? "HTTP/1.1 200 " : "HTTP/1.1 101 ";
  if (strncmp(client->answer, wanted, strlen(wanted)) != 0) {
    die("the server answered: %.*s", (int)(end - client->answer), client->answer);
  }
  size_t used = (size_t)(end + 4 - client->answer) - before;
  free(client->answer);
  client->answer = NULL;
  client->open = true;
  client_receive(client, bytes + used, length - used);
}
