#include "link.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
  READ_SIZE = 256 * 1024,
  EVENTS = 512,
  REQUEST_SIZE = 4096,
  LINKS_PER_ADDRESS = 8000,  // of 127.0.0.x: fewer than there are ports
};

struct link {
  enum { UNUSED, CONNECTING, HANDSHAKING, WAITING_FOR_SETTINGS, OPEN } state;
  int descriptor;
  SSL *tls;
  nghttp2_session *http2;
  struct client *clients;
  uint32_t client_count;
};

static struct link_options options;
static struct link *links;
static uint32_t link_count;
static int epoll = -1;
static SSL_CTX *context;
static nghttp2_session_callbacks *callbacks;

// MARK: bytes of the connection

static void write_bytes(struct link *link, const uint8_t *bytes, size_t length) {
  ssize_t sent = link->tls != NULL ? SSL_write(link->tls, bytes, (int)length)
                                   : send(link->descriptor, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != (ssize_t)length) die("the server does not take what a client sends");
}

static void flush_http2(struct link *link) {
  const uint8_t *bytes;
  ssize_t length;
  while ((length = nghttp2_session_mem_send(link->http2, &bytes)) > 0) {
    write_bytes(link, bytes, (size_t)length);
  }
  if (length < 0) die("HTTP/2: %s", nghttp2_strerror((int)length));
}

// MARK: requests

// The query of a client's token, if it has one.
static const char *path_of(const struct client *client) {
  static char path[REQUEST_SIZE / 2];
  const char *token = options.tokens == NULL ? NULL : options.tokens[client->index];
  snprintf(path, sizeof(path), "%s%s%u/%s%s", client->is_event_stream ? "/sse" : "", options.path,
           client->index % options.groups, token == NULL ? "" : "?token=", token == NULL ? "" : token);
  return path;
}

// With the fields that browsers send.
static void request_http1(struct client *client) {
  char request[REQUEST_SIZE];
  int length = snprintf(
      request, sizeof(request),
      "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) martlet\r\n%s%s\r\n",
      path_of(client), options.port,
      client->is_event_stream
          ? "Accept: text/event-stream\r\n"
          : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      options.offers_compression && !client->is_event_stream
          ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  write_bytes(client->link, (uint8_t *)request, (size_t)length);
}

static ssize_t read_unsent(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *user) {
  (void)session, (void)stream, (void)flags, (void)user;
  struct client *client = source->ptr;
  size_t taken = client->unsent_length < room ? client->unsent_length : room;
  if (taken == 0) return NGHTTP2_ERR_DEFERRED;
  memcpy(buffer, client->unsent, taken);
  memmove(client->unsent, client->unsent + taken, client->unsent_length - taken);
  client->unsent_length -= taken;
  return (ssize_t)taken;
}

static nghttp2_nv field(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

// RFC 8441 §5 for WebSockets.
static void request_http2(struct client *client) {
  char authority[32];
  snprintf(authority, sizeof(authority), "127.0.0.1:%d", options.port);
  nghttp2_nv fields[9];
  size_t count = 0;
  fields[count++] = field(":method", client->is_event_stream ? "GET" : "CONNECT");
  if (!client->is_event_stream) fields[count++] = field(":protocol", "websocket");
  fields[count++] = field(":scheme", options.uses_tls ? "https" : "http");
  fields[count++] = field(":path", path_of(client));
  fields[count++] = field(":authority", authority);
  fields[count++] = field("user-agent", "Mozilla/5.0 (X11; Linux x86_64) martlet");
  if (client->is_event_stream) {
    fields[count++] = field("accept", "text/event-stream");
  } else {
    fields[count++] = field("sec-websocket-version", "13");
    if (options.offers_compression) {
      fields[count++] = field("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
    }
  }
  nghttp2_data_provider unsent = {.source.ptr = client, .read_callback = read_unsent};
  client->stream = nghttp2_submit_request(client->link->http2, NULL, fields, count,
                                          client->is_event_stream ? NULL : &unsent, client);
  if (client->stream < 0) die("HTTP/2: %s", nghttp2_strerror(client->stream));
}

// MARK: HTTP/2 callbacks

static int got_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                    size_t length, void *user) {
  (void)flags, (void)user;
  client_receive(nghttp2_session_get_stream_user_data(session, stream), bytes, length);
  return 0;
}

static int got_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags, void *user) {
  (void)flags, (void)user;
  if (name_length != 7 || memcmp(name, ":status", 7) != 0) return 0;
  if (value_length != 3 || memcmp(value, "200", 3) != 0) die("the server answered %.3s", (char *)value);
  struct client *client = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  client->open = true;
  return 0;
}

// The server may have begun to allow extended CONNECT only now (RFC 8441 §3).
static int got_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)session;
  struct link *link = user;
  if (frame->hd.type == NGHTTP2_GOAWAY) die("the server is going away");
  if (frame->hd.type != NGHTTP2_SETTINGS || link->state != WAITING_FOR_SETTINGS) return 0;
  link->state = OPEN;
  for (uint32_t i = 0; i < link->client_count; i++) {
    if (link->clients[i].started) request_http2(&link->clients[i]);
  }
  return 0;
}

static int stream_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *user) {
  (void)session, (void)user;
  die("the server closed stream %d with error %u", stream, code);
}

static void begin_http2(struct link *link) {
  nghttp2_session_client_new(&link->http2, callbacks, link);
  // Much as browsers do.
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};
  nghttp2_submit_settings(link->http2, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(link->http2, NGHTTP2_FLAG_NONE, 0, 16 << 20);
  link->state = WAITING_FOR_SETTINGS;
  flush_http2(link);
}

// MARK: life of a connection

static void connect_link(struct link *link) {
  uint32_t number = (uint32_t)(link - links);
  int one = 1;
  link->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (link->descriptor < 0) die("socket: %s", strerror(errno));
  setsockopt(link->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  // The port is chosen at connect, so that ports are used up per pair of addresses only.
  setsockopt(link->descriptor, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof(one));
  struct sockaddr_in own = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / LINKS_PER_ADDRESS)};
  struct sockaddr_in server = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)options.port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(link->descriptor, (struct sockaddr *)&own, sizeof(own)) != 0) die("bind: %s", strerror(errno));
  if (connect(link->descriptor, (struct sockaddr *)&server, sizeof(server)) != 0 && errno != EINPROGRESS) {
    die("connect: %s", strerror(errno));
  }
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = link};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, link->descriptor, &event) != 0) die("epoll: %s", strerror(errno));
  link->state = CONNECTING;
}

static void begin_http(struct link *link) {
  if (options.uses_http2) return begin_http2(link);
  link->state = OPEN;
  request_http1(link->clients);
}

static void handshake(struct link *link) {
  int result = SSL_do_handshake(link->tls);
  if (result == 1) return begin_http(link);
  int error = SSL_get_error(link->tls, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) die("TLS: the handshake failed");
}

static void connected(struct link *link) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(link->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) die("connect: %s", strerror(error));
  if (context == NULL) return begin_http(link);
  link->tls = SSL_new(context);
  SSL_set_fd(link->tls, link->descriptor);
  SSL_set_connect_state(link->tls);
  link->state = HANDSHAKING;
  handshake(link);
}

static void read_link(struct link *link) {
  static uint8_t bytes[READ_SIZE];
  while (true) {
    ssize_t length = link->tls != NULL ? SSL_read(link->tls, bytes, sizeof(bytes))
                                       : recv(link->descriptor, bytes, sizeof(bytes), 0);
    if (length <= 0) {
      bool must_wait = link->tls != NULL ? SSL_get_error(link->tls, (int)length) == SSL_ERROR_WANT_READ
                                         : length < 0 && errno == EAGAIN;
      if (!must_wait) die("the server closed a connection");
      return;
    }
    if (link->http2 == NULL) {
      client_receive_http1(link->clients, bytes, (size_t)length);
    } else {
      ssize_t used = nghttp2_session_mem_recv(link->http2, bytes, (size_t)length);
      if (used < 0) die("HTTP/2: %s", nghttp2_strerror((int)used));
      flush_http2(link);
    }
    if (link->tls == NULL && (size_t)length < sizeof(bytes)) return;
  }
}

void links_configure(const struct link_options *given, uint32_t clients) {
  options = *given;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  link_count = (clients + options.clients_per_link - 1) / options.clients_per_link;
  links = zeroed(link_count, sizeof(*links));
  if (options.uses_http2) {
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, got_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, got_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, got_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
  }
  if (!options.uses_tls) return;
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  const uint8_t http2[] = "\x02h2", http1[] = "\x08http/1.1";
  if (options.uses_http2) {
    SSL_CTX_set_alpn_protos(context, http2, sizeof(http2) - 1);
  } else {
    SSL_CTX_set_alpn_protos(context, http1, sizeof(http1) - 1);
  }
}

void link_start(struct client *client) {
  struct link *link = &links[client->index / options.clients_per_link];
  client->link = link;
  client->started = true;
  if (link->state == UNUSED) {
    link->clients = client;
    connect_link(link);
  }
  link->client_count++;
  if (link->state == OPEN && options.uses_http2) {
    request_http2(client);
    flush_http2(link);
  }
}

void link_send(struct client *client, const uint8_t *bytes, size_t length) {
  struct link *link = client->link;
  if (link->http2 == NULL) return write_bytes(link, bytes, length);
  client->unsent = realloc(client->unsent, client->unsent_length + length);
  memcpy(client->unsent + client->unsent_length, bytes, length);
  client->unsent_length += length;
  nghttp2_session_resume_data(link->http2, client->stream);
  flush_http2(link);
}

void links_turn(int milliseconds) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(epoll, events, EVENTS, milliseconds);
  for (int i = 0; i < count; i++) {
    struct link *link = events[i].data.ptr;
    if (link->state == CONNECTING) {
      if (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) connected(link);
    } else if (link->state == HANDSHAKING) {
      handshake(link);
    }
    if (link->state >= WAITING_FOR_SETTINGS && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_link(link);
  }
}

void links_close(void) {
  // Without TIME_WAIT: the next round needs the ports.
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  for (uint32_t i = 0; i < link_count; i++) {
    if (links[i].state == UNUSED) continue;
    setsockopt(links[i].descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(links[i].descriptor);
  }
}
