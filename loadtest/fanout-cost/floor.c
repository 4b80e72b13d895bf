// The floor: the least that a server can do to pass a WebSocket message on to a group.
//
// One thread, one epoll, plain read() and send(). It keeps nothing, checks little and knows no other
// server, so what it spends per delivery is the price of the kernel's TCP. Martlet is measured as a
// ratio to it, in the same run, because absolute times of one machine say nothing about another.
//
// The path names the group. A frame of any member goes, unmasked, to all members of its group,
// the sender included. All frames that one read() brought leave in one send() per member: with one
// message in flight that is one send() per delivery, with more in flight it is the coalescing that
// any good server does.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  READ_SIZE = 256 * 1024,   // most that one read() takes, and so the largest batch
  PATH_SIZE = 128,          // longest path
  EVENTS = 512,             // epoll events per round
  LARGEST_HEADER = 14,      // of a client's frame: 2 + 8 bytes of length + 4 of mask
};

// The handshake is not measured, so there is no SHA-1 here: the driver always sends the sample
// key of RFC 6455 §1.3, whose accept value the RFC prints. Any other key is refused.
static const char SAMPLE_KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPTED[] =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";
// The first frame of a Martlet connection, in little: the driver waits for it with both servers.
static const char JOINED[] = "{\"type\":\"connection_established\"}";

struct connection;

struct group {
  char path[PATH_SIZE];
  struct connection **members;
  size_t count, capacity;
};

struct connection {
  int descriptor;
  struct group *group;      // NULL until the handshake is done
  size_t index;             // in group->members
  uint8_t *rest;            // bytes of an unfinished request or frame
  size_t rest_length;
};

static struct group *groups;
static size_t group_count, group_capacity;
static int epoll;
static uint8_t input[2 * READ_SIZE];   // an unfinished frame, then what read() brought
static uint8_t batch[2 * READ_SIZE];   // frames on their way out; never longer than they came in

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("floor: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static void *grown(void *array, size_t count, size_t size) {
  void *result = realloc(array, count * size);
  if (result == NULL) die("out of memory");
  return result;
}

// MARK: groups

// Groups are found once per connection, so a list is enough.
static struct group *group_at(const char *path, size_t length) {
  for (size_t i = 0; i < group_count; i++) {
    if (strlen(groups[i].path) == length && memcmp(groups[i].path, path, length) == 0) {
      return &groups[i];
    }
  }
  if (group_count == group_capacity) die("more than %zu groups", group_capacity);
  struct group *group = &groups[group_count++];
  memcpy(group->path, path, length);
  return group;
}

static void join(struct connection *connection, struct group *group) {
  if (group->count == group->capacity) {
    group->capacity = group->capacity == 0 ? 4 : 2 * group->capacity;
    group->members = grown(group->members, group->capacity, sizeof(*group->members));
  }
  connection->group = group;
  connection->index = group->count;
  group->members[group->count++] = connection;
}

static void leave(struct connection *connection) {
  struct group *group = connection->group;
  if (group == NULL) return;
  struct connection *last = group->members[--group->count];
  group->members[connection->index] = last;
  last->index = connection->index;
  connection->group = NULL;
}

static void send_batch(struct group *group, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < group->count; i++) {
    ssize_t sent = send(group->members[i]->descriptor, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    // A peer that is gone is noticed by its own event. A full socket would need a queue, and
    // whoever measures with it would measure the queue: better to stop.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) continue;
    if (sent != (ssize_t)length) die("a member's socket is full: too much in flight for this floor");
  }
}

// MARK: protocol

// Returns whether the request is one that the driver sends; `length` includes the empty line.
static bool shake_hands(struct connection *connection, char *request, size_t length) {
  request[length - 1] = '\0';
  char *path_end = strncmp(request, "GET ", 4) == 0 ? strchr(request + 4, ' ') : NULL;
  if (path_end == NULL || strstr(request, SAMPLE_KEY) == NULL) return false;
  size_t path_length = (size_t)(path_end - (request + 4));
  if (path_length >= PATH_SIZE) return false;
  uint8_t answer[sizeof(ACCEPTED) + sizeof(JOINED) + 2];
  size_t at = sizeof(ACCEPTED) - 1;
  memcpy(answer, ACCEPTED, at);
  answer[at++] = 0x81;
  answer[at++] = sizeof(JOINED) - 1;
  memcpy(answer + at, JOINED, sizeof(JOINED) - 1);
  at += sizeof(JOINED) - 1;
  if (send(connection->descriptor, answer, at, MSG_NOSIGNAL) != (ssize_t)at) return false;
  join(connection, group_at(request + 4, path_length));
  return true;
}

// Appends the frames found in `bytes` to `batch` as a server sends them. Returns how many bytes were
// whole frames, or -1 if the client closes or sends something that the driver never does.
static ssize_t take_frames(const uint8_t *bytes, size_t length, size_t *batched) {
  size_t at = 0;
  while (length - at >= 2) {
    const uint8_t *frame = bytes + at;
    size_t available = length - at, header = 2, payload = frame[1] & 0x7F;
    if (frame[0] != 0x81 || (frame[1] & 0x80) == 0) return -1;
    if (payload == 126) {
      if (available < 4) break;
      payload = (size_t)frame[2] << 8 | frame[3];
      header = 4;
    } else if (payload == 127) {
      if (available < 10) break;
      payload = 0;
      for (int i = 2; i < 10; i++) payload = payload << 8 | frame[i];
      header = 10;
    }
    if (payload > READ_SIZE - LARGEST_HEADER) return -1;
    if (available < header + 4 + payload) break;
    uint8_t *out = batch + *batched;
    memcpy(out, frame, header);
    out[1] &= 0x7F;
    const uint8_t *mask = frame + header, *masked = mask + 4;
    for (size_t i = 0; i < payload; i++) out[header + i] = masked[i] ^ mask[i & 3];
    *batched += header + payload;
    at += header + 4 + payload;
  }
  return (ssize_t)at;
}

// Returns false when the connection is over.
static bool handle_input(struct connection *connection) {
  size_t length = connection->rest_length;
  memcpy(input, connection->rest, length);
  ssize_t got = read(connection->descriptor, input + length, READ_SIZE);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) return false;
  length += (size_t)got;

  size_t used = 0;
  if (connection->group == NULL) {
    char *end = memmem(input, length, "\r\n\r\n", 4);
    if (end != NULL) {
      used = (size_t)(end + 4 - (char *)input);
      if (!shake_hands(connection, (char *)input, used)) return false;
    } else if (length > 8192) {
      return false;
    }
  }
  if (connection->group != NULL) {
    size_t batched = 0;
    ssize_t frames = take_frames(input + used, length - used, &batched);
    if (frames < 0) return false;
    used += (size_t)frames;
    if (batched > 0) send_batch(connection->group, batch, batched);
  }

  size_t rest = length - used;
  if (rest > 0 || connection->rest_length > 0) {
    connection->rest = grown(connection->rest, rest + 1, 1);
    memcpy(connection->rest, input + used, rest);
    connection->rest_length = rest;
  }
  return true;
}

// MARK: sockets

static int listening(uint16_t port) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0 ||
      listen(descriptor, 1024) < 0) {
    die("cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
  }
  socklen_t size = sizeof(address);
  getsockname(descriptor, (struct sockaddr *)&address, &size);
  // Whoever started the floor reads the port from here, so that port 0 is of use.
  printf("port %u\n", ntohs(address.sin_port));
  fflush(stdout);
  return descriptor;
}

static void watch(int descriptor, void *subject) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = subject};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll: %s", strerror(errno));
}

static void accept_all(int listener) {
  for (;;) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN) return;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      die("accept: %s", strerror(errno));
    }
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct connection *connection = grown(NULL, 1, sizeof(*connection));
    // One byte, so that memcpy never sees a null pointer.
    *connection = (struct connection){.descriptor = descriptor, .rest = grown(NULL, 1, 1)};
    watch(descriptor, connection);
  }
}

int main(int count, char **arguments) {
  char *end = NULL;
  unsigned long port = count == 2 ? strtoul(arguments[1], &end, 10) : 0;
  if (count != 2 || *arguments[1] == '\0' || *end != '\0' || port > 65535) {
    fputs("usage: floor PORT    (0 takes a free one; the port is printed)\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // Fixed, because connections keep pointers into it.
  group_capacity = 16384;
  groups = calloc(group_capacity, sizeof(*groups));
  if (groups == NULL) die("out of memory");

  epoll = epoll_create1(EPOLL_CLOEXEC);
  int listener = listening((uint16_t)port);
  watch(listener, NULL);
  struct epoll_event events[EVENTS];
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    if (ready < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) {
        accept_all(listener);
      } else if (!handle_input(connection)) {
        leave(connection);
        close(connection->descriptor);
        free(connection->rest);
        free(connection);
      }
    }
  }
}
