// The driver: the same clients for Martlet and for the floor, so that only the server differs.
//
// One thread, one epoll. It joins --members connections to --groups groups of equal size. The first
// member of each group publishes; every member, the publisher too, receives. --in-flight messages
// are under way at any time, dealt over the groups in turn: a message is finished, and the next one
// is sent, when all members of its group have received it. Each message is sent on its own and at
// once, as independent publishers would: how many of them the server finds together is its affair.
//
// Each message carries its number within its group. A member that receives any other number than
// the next one has lost, repeated or reordered a message, and ends the measurement.
//
// What the servers spent is read from the kernel's accounting of the processes given by --process,
// at both ends of the measured window. The result is one line of JSON on standard output.

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  JOINING_AT_ONCE = 64,      // handshakes under way; below any server's accept backlog
  HEAD_SIZE = 128,           // kept of each payload; a control frame has at most 125 bytes
  ANSWER_SIZE = 2048,        // longest answer to the upgrade
  READ_SIZE = 256 * 1024,    // most that one read() takes
  EVENTS = 512,              // epoll events per round
  NUMBER_DIGITS = 10,        // of a message's number, in fixed width
  MOST_PROCESSES = 8,
};

static const uint64_t SECOND = 1000000000;
static const uint64_t STALL = 5 * SECOND;        // no delivery for so long: something was lost
static const uint64_t LINGER = SECOND / 20;      // after the last delivery, for repeated ones

// The sample handshake of RFC 6455 §1.3: a constant key, since the floor knows the answer to no other.
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static const char EVENT_START[] = "{\"type\":\"load\",\"data\":\"";
static const char EVENT_END[] = "\"}";
static const char JOINED_START[] = "{\"type\":\"connection_established\"";
static const char ERROR_START[] = "{\"type\":\"error\"";

struct member {
  int descriptor;
  bool joined;
  uint32_t group;
  uint64_t received;         // publications, so also the number of the next one
  // The frame being read; it may arrive in any number of pieces.
  uint64_t payload_left;
  uint8_t header_length, header[10];
  uint8_t head_length, head[HEAD_SIZE];
  // The answer to the upgrade, while it is incomplete.
  char *answer;
  size_t answer_length;
};

struct message {
  uint64_t sent_at;
  uint32_t waiting;          // members that have not received it yet
};

struct group {
  uint64_t published;
  struct message *in_flight; // a ring, by number
};

struct process {
  const char *name;
  int id;
  uint64_t start, end;       // nanoseconds of CPU at the ends of the window
};

static struct {
  int port;
  const char *path;
  uint32_t members, groups, in_flight, size;
  double warmup, seconds;
  struct process processes[MOST_PROCESSES];
  int process_count;
} options = {.members = 1000, .groups = 1, .in_flight = 1, .size = 128, .warmup = 1, .seconds = 3};

static struct member *members;   // those of group g are members[g * group_size ..]
static struct group *groups;
static uint32_t group_size, joined, under_way, next_group;
static uint64_t deliveries, finished, last_delivery, now;
static bool publishing, measuring;
static uint32_t *latencies;      // nanoseconds, of the messages finished within the window
static size_t latency_count, latency_capacity;
static int epoll;

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("driver: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static void *zeroed(size_t count, size_t size) {
  void *result = calloc(count, size);
  if (result == NULL) die("out of memory");
  return result;
}

static uint64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

// MARK: CPU of other processes

static const char *accounting = "schedstat";

// utime + stime, in clock ticks: for kernels without schedstat. Good to 10 ms.
static uint64_t cpu_by_ticks(int id) {
  char path[64], text[1024];
  snprintf(path, sizeof(path), "/proc/%d/stat", id);
  FILE *file = fopen(path, "r");
  if (file == NULL) die("process %d is gone", id);
  size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[length] = '\0';
  // The program's name stands in parentheses and may contain anything.
  char *fields = strrchr(text, ')');
  unsigned long user = 0, system = 0;
  if (fields == NULL ||
      sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
    die("%s is not as expected", path);
  }
  accounting = "utime+stime";
  return (user + system) * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t cpu_of(int id) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task", id);
  DIR *tasks = opendir(path);
  if (tasks == NULL) die("process %d is gone", id);
  uint64_t total = 0;
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char file_path[sizeof(path) + sizeof(task->d_name) + 16];
    unsigned long long running = 0;
    snprintf(file_path, sizeof(file_path), "%s/%s/schedstat", path, task->d_name);
    FILE *file = task->d_name[0] == '.' ? NULL : fopen(file_path, "r");
    if (file == NULL) continue;
    if (fscanf(file, "%llu", &running) == 1) total += running;
    fclose(file);
  }
  closedir(tasks);
  return total > 0 ? total : cpu_by_ticks(id);
}

// MARK: publishing

static void send_all(struct member *member, const uint8_t *bytes, size_t length) {
  // Little is in flight, so a socket without room means a server that has stopped to read.
  if (send(member->descriptor, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length) {
    die("the server does not take what a publisher sends: %s", strerror(errno));
  }
}

// RFC 6455 §5.3 asks for an unpredictable mask; for the server's work any changing one will do.
static uint32_t next_mask(void) {
  static uint32_t state = 0x9E3779B9;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// Writes a masked frame of fewer than 65,536 bytes and returns its length.
static size_t put_frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t length) {
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

// Sends the next message to the group whose turn it is.
static void publish(void) {
  static uint8_t *event, *frame;
  if (event == NULL) {
    event = zeroed(options.size, 1);
    frame = zeroed(options.size + 14, 1);
    memset(event, 'x', options.size);
    memcpy(event, EVENT_START, sizeof(EVENT_START) - 1);
    memcpy(event + options.size - (sizeof(EVENT_END) - 1), EVENT_END, sizeof(EVENT_END) - 1);
  }
  struct group *group = &groups[next_group];
  struct member *publisher = &members[next_group * group_size];
  next_group = (next_group + 1) % options.groups;
  under_way++;
  uint64_t number = group->published++;
  group->in_flight[number % options.in_flight] =
      (struct message){.sent_at = clock_now(), .waiting = group_size};
  for (int digit = NUMBER_DIGITS - 1; digit >= 0; digit--, number /= 10) {
    event[sizeof(EVENT_START) - 1 + digit] = (uint8_t)('0' + number % 10);
  }
  send_all(publisher, frame, put_frame(frame, 0x81, event, options.size));
}

// MARK: receiving

static void keep_latency(uint64_t nanoseconds) {
  if (latency_count == latency_capacity) {
    latency_capacity = latency_capacity == 0 ? 65536 : 2 * latency_capacity;
    latencies = realloc(latencies, latency_capacity * sizeof(*latencies));
    if (latencies == NULL) die("out of memory");
  }
  latencies[latency_count++] = nanoseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)nanoseconds;
}

static void receive_publication(struct member *member) {
  uint64_t number = 0;
  for (int digit = 0; digit < NUMBER_DIGITS; digit++) {
    number = 10 * number + (uint64_t)(member->head[sizeof(EVENT_START) - 1 + digit] - '0');
  }
  struct group *group = &groups[member->group];
  if (number != member->received) {
    die("a member of group %u received message %llu instead of %llu: lost, repeated or reordered",
        member->group, (unsigned long long)number, (unsigned long long)member->received);
  }
  if (number >= group->published) die("message %llu was never sent", (unsigned long long)number);
  member->received++;
  deliveries++;
  last_delivery = now;
  struct message *message = &group->in_flight[number % options.in_flight];
  if (--message->waiting > 0) return;
  finished++;
  under_way--;
  if (measuring) keep_latency(clock_now() - message->sent_at);
  if (publishing) publish();
}

static bool starts(const struct member *member, const char *text, size_t size) {
  return member->head_length >= size - 1 && memcmp(member->head, text, size - 1) == 0;
}

static void end_of_frame(struct member *member) {
  uint8_t opcode = member->header[0] & 0x0F;
  if (opcode == 0x9) {  // ping
    uint8_t pong[HEAD_SIZE + 14];
    send_all(member, pong, put_frame(pong, 0x8A, member->head, member->head_length));
  } else if (opcode == 0x8) {
    int code = member->head_length < 2 ? 1005 : member->head[0] << 8 | member->head[1];
    die("the server closed a connection with %d %.*s", code,
        member->head_length < 2 ? 0 : member->head_length - 2, (char *)member->head + 2);
  } else if (opcode != 0x1 || (member->header[0] & 0x80) == 0) {
    if (opcode != 0xA) die("unexpected frame, first byte 0x%02x", member->header[0]);
  } else if (starts(member, EVENT_START, sizeof(EVENT_START))) {
    receive_publication(member);
  } else if (starts(member, JOINED_START, sizeof(JOINED_START))) {
    if (member->joined) die("joined twice");
    member->joined = true;
    joined++;
  } else if (starts(member, ERROR_START, sizeof(ERROR_START))) {
    die("the server refused: %.*s", member->head_length, (char *)member->head);
  }
  // Anything else (presence, acknowledgements) is not measured and not in the way.
}

// Takes bytes of the stream in any partition.
static void receive_frames(struct member *member, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    if (member->payload_left == 0) {
      // Header: 2 bytes, then 2 or 8 of length if the first of them says so (RFC 6455 §5.2).
      member->header[member->header_length++] = *bytes++;
      length--;
      if (member->header_length < 2) continue;
      if (member->header[1] & 0x80) die("the server masks its frames");
      int extended = member->header[1] == 126 ? 2 : member->header[1] == 127 ? 8 : 0;
      if (member->header_length < 2 + extended) continue;
      member->payload_left = extended == 0 ? member->header[1] : 0;
      for (int i = 2; i < 2 + extended; i++) {
        member->payload_left = member->payload_left << 8 | member->header[i];
      }
      member->head_length = 0;
    } else {
      size_t taken = length < member->payload_left ? length : member->payload_left;
      size_t kept = HEAD_SIZE - member->head_length;
      if (kept > taken) kept = taken;
      memcpy(member->head + member->head_length, bytes, kept);
      member->head_length = (uint8_t)(member->head_length + kept);
      member->payload_left -= taken;
      bytes += taken;
      length -= taken;
    }
    if (member->payload_left == 0) {
      end_of_frame(member);
      member->header_length = 0;
    }
  }
}

// Collects the answer to the upgrade; what follows it is frames.
static void receive_answer(struct member *member, const uint8_t *bytes, size_t length) {
  size_t room = ANSWER_SIZE - 1 - member->answer_length;
  size_t taken = length < room ? length : room;
  size_t before = member->answer_length;
  memcpy(member->answer + before, bytes, taken);
  member->answer_length += taken;
  member->answer[member->answer_length] = '\0';
  char *end = strstr(member->answer, "\r\n\r\n");
  if (end == NULL) {
    if (taken < length) die("the answer to the upgrade does not end");
    return;
  }
  size_t answer_length = (size_t)(end + 4 - member->answer);
  *end = '\0';
  if (strncmp(member->answer, "HTTP/1.1 101", 12) != 0 || strstr(member->answer, ACCEPT) == NULL) {
    die("the server does not upgrade: %s", member->answer);
  }
  free(member->answer);
  member->answer = NULL;
  size_t used = answer_length - before;
  receive_frames(member, bytes + used, length - used);
}

static void receive(struct member *member) {
  static uint8_t input[READ_SIZE];
  ssize_t length = read(member->descriptor, input, sizeof(input));
  if (length < 0 && errno == EAGAIN) return;
  if (length < 0) die("read: %s", strerror(errno));
  if (length == 0) die("the server closed a connection");
  if (member->answer != NULL) {
    receive_answer(member, input, (size_t)length);
  } else {
    receive_frames(member, input, (size_t)length);
  }
}

static void round_of_events(int timeout_ms) {
  struct epoll_event events[EVENTS];
  int ready = epoll_wait(epoll, events, EVENTS, timeout_ms);
  if (ready < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
  now = clock_now();
  for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
}

// MARK: phases

static void connect_member(uint32_t index) {
  struct member *member = &members[index];
  member->group = index / group_size;
  member->answer = zeroed(ANSWER_SIZE, 1);
  member->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (member->descriptor < 0 ||
      connect(member->descriptor, (struct sockaddr *)&address, sizeof(address)) < 0) {
    die("cannot connect to 127.0.0.1:%d: %s", options.port, strerror(errno));
  }
  int one = 1;
  setsockopt(member->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  char request[1024];
  int length = snprintf(request, sizeof(request),
                        "GET %s%u/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: %s\r\n\r\n",
                        options.path, member->group, options.port, KEY);
  if (length >= (int)sizeof(request)) die("--path is too long");
  send_all(member, (uint8_t *)request, (size_t)length);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, member->descriptor, &event) < 0) {
    die("epoll: %s", strerror(errno));
  }
}

static void join_all(void) {
  uint64_t progress = clock_now();
  for (uint32_t started = 0, before = 0; joined < options.members;) {
    while (started < options.members && started - joined < JOINING_AT_ONCE) connect_member(started++);
    round_of_events(1000);
    if (joined != before) progress = now;
    before = joined;
    if (now - progress > STALL) die("only %u of %u members could join", joined, options.members);
  }
}

static void check_progress(void) {
  if (now - last_delivery < STALL) return;
  for (uint32_t i = 0; i < options.members; i++) {
    const struct group *group = &groups[members[i].group];
    if (members[i].received == group->published) continue;
    die("lost: no delivery for %d s, and member %u of group %u has %llu of %llu messages",
        (int)(STALL / SECOND), i % group_size, members[i].group,
        (unsigned long long)members[i].received, (unsigned long long)group->published);
  }
  die("stalled with nothing in flight: a mistake of the driver");
}

static void run_until(uint64_t end) {
  while (now < end) {
    round_of_events((int)((end - now) / 1000000) + 1);
    check_progress();
  }
}

static void finish(void) {
  publishing = false;
  while (under_way > 0) {
    round_of_events(100);
    check_progress();
  }
  // A repeated message would come now, and receive_publication() would refuse its number.
  for (uint64_t end = now + LINGER; now < end;) round_of_events(10);
}

static int by_value(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static double latency_us(double quantile) {
  if (latency_count == 0) return 0;
  return latencies[(size_t)(quantile * (double)(latency_count - 1))] / 1e3;
}

static void measure(void) {
  now = last_delivery = clock_now();
  publishing = true;
  for (uint32_t i = 0; i < options.in_flight; i++) publish();
  run_until(now + (uint64_t)(options.warmup * 1e9));

  for (int i = 0; i < options.process_count; i++) {
    options.processes[i].start = cpu_of(options.processes[i].id);
  }
  measuring = true;
  uint64_t start = now = clock_now(), deliveries_before = deliveries, finished_before = finished;
  run_until(start + (uint64_t)(options.seconds * 1e9));
  for (int i = 0; i < options.process_count; i++) {
    options.processes[i].end = cpu_of(options.processes[i].id);
  }
  measuring = false;
  uint64_t window = now - start, delivered = deliveries - deliveries_before,
           messages = finished - finished_before;
  finish();

  qsort(latencies, latency_count, sizeof(*latencies), by_value);
  printf("{\"members\":%u,\"groups\":%u,\"in_flight\":%u,\"size\":%u,\"seconds\":%.3f,"
         "\"messages\":%llu,\"deliveries\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,"
         "\"accounting\":\"%s\",\"cpu_us\":{",
         options.members, options.groups, options.in_flight, options.size, (double)window / 1e9,
         (unsigned long long)messages, (unsigned long long)delivered, latency_us(0.5),
         latency_us(0.99), accounting);
  for (int i = 0; i < options.process_count; i++) {
    printf("%s\"%s\":%.1f", i == 0 ? "" : ",", options.processes[i].name,
           (double)(options.processes[i].end - options.processes[i].start) / 1e3);
  }
  puts("}}");
}

// MARK: command line

static const char USAGE[] =
    "usage: driver --port PORT --path PREFIX [options]\n"
    "\n"
    "  --port PORT          of the server on 127.0.0.1\n"
    "  --path PREFIX        of the groups' paths: group 7 is at PREFIX7/\n"
    "  --members N          connections, over all groups (1000)\n"
    "  --groups N           groups of equal size (1)\n"
    "  --in-flight N        messages under way at any time, over all groups (1)\n"
    "  --size BYTES         of the published JSON event, 35 to 65535 (128)\n"
    "  --warmup SECONDS     before the measured window (1)\n"
    "  --seconds SECONDS    length of the measured window (3)\n"
    "  --process NAME=PID   whose CPU to report; may be repeated\n";

__attribute__((noreturn)) static void refuse(const char *key, const char *value, const char *allowed) {
  fprintf(stderr, "driver: --%s %s: allowed is %s\n", key, value, allowed);
  exit(2);
}

static uint32_t integer(const char *key, const char *value, uint32_t least, uint32_t most) {
  char *end;
  unsigned long long number = strtoull(value, &end, 10);
  if (*value < '0' || *value > '9' || *end != '\0' || number < least || number > most) {
    char allowed[64];
    snprintf(allowed, sizeof(allowed), "%u to %u", least, most);
    refuse(key, value, allowed);
  }
  return (uint32_t)number;
}

static double duration(const char *key, const char *value) {
  char *end;
  double number = strtod(value, &end);
  if (end == value || *end != '\0' || !(number > 0 && number <= 3600)) {
    refuse(key, value, "more than 0, at most 3600 seconds");
  }
  return number;
}

static void add_process(char *value) {
  char *equals = strchr(value, '=');
  if (equals == NULL || equals == value) refuse("process", value, "NAME=PID");
  if (options.process_count == MOST_PROCESSES) refuse("process", value, "at most 8 times");
  options.processes[options.process_count++] = (struct process){
      .name = value, .id = (int)integer("process", equals + 1, 1, INT32_MAX)};
  *equals = '\0';
}

static void read_options(int count, char **arguments) {
  static const struct option known[] = {
      {"port", 1, NULL, 'p'},      {"path", 1, NULL, 'P'},   {"members", 1, NULL, 'm'},
      {"groups", 1, NULL, 'g'},    {"in-flight", 1, NULL, 'w'}, {"size", 1, NULL, 's'},
      {"warmup", 1, NULL, 'u'},    {"seconds", 1, NULL, 't'}, {"process", 1, NULL, 'c'},
      {"help", 0, NULL, 'h'},      {0}};
  const uint32_t least_size = sizeof(EVENT_START) + sizeof(EVENT_END) - 2 + NUMBER_DIGITS;
  for (int key; (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    switch (key) {
      case 'p': options.port = (int)integer("port", optarg, 1, 65535); break;
      case 'P': options.path = optarg; break;
      case 'm': options.members = integer("members", optarg, 1, 1000000); break;
      case 'g': options.groups = integer("groups", optarg, 1, 16384); break;
      case 'w': options.in_flight = integer("in-flight", optarg, 1, 4096); break;
      case 's': options.size = integer("size", optarg, least_size, 65535); break;
      case 'u': options.warmup = duration("warmup", optarg); break;
      case 't': options.seconds = duration("seconds", optarg); break;
      case 'c': add_process(optarg); break;
      case 'h': fputs(USAGE, stdout); exit(0);
      default: fputs(USAGE, stderr); exit(2);
    }
  }
  if (optind < count || options.port == 0 || options.path == NULL) {
    fputs(USAGE, stderr);
    exit(2);
  }
  if (options.members % options.groups != 0) {
    die("%u members cannot be dealt evenly over %u groups", options.members, options.groups);
  }
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < options.members + 16) {
      die("--members %u needs as many open files; allowed here: %llu (ulimit -Hn)", options.members,
          (unsigned long long)files.rlim_cur);
    }
  }
  group_size = options.members / options.groups;
  members = zeroed(options.members, sizeof(*members));
  groups = zeroed(options.groups, sizeof(*groups));
  for (uint32_t i = 0; i < options.groups; i++) {
    groups[i].in_flight = zeroed(options.in_flight, sizeof(*groups[i].in_flight));
  }
  epoll = epoll_create1(EPOLL_CLOEXEC);
  join_all();
  measure();
}
