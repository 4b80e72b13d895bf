// Joins clients to groups over one kind of connection, and says what that cost the server: CPU until all had
// their first message, resident memory when they are idle. Then, if asked, publishes to them.
//
// One thread, one epoll. The result is one line of JSON on standard output.

#include <getopt.h>
#include <sys/resource.h>

#include "common.h"
#include "link.h"

enum { JOINING_AT_ONCE = 64, MOST_PROCESSES = 8, FRAME_SIZE = 65536 + 14 };

static const uint64_t STALL = 10 * SECOND;  // nothing comes for so long: something was lost

struct process {
  const char *name;
  int id;
  uint64_t cpu[4], memory[2];
};

static struct link_options links = {.clients_per_link = 1, .groups = 1};
static uint32_t client_count = 1000, in_flight = 1, event_size = 128;
static bool uses_event_streams, is_text;
static double settle = 1, warmup = 0.5, seconds;
static struct process processes[MOST_PROCESSES];
static int process_count;

static struct client *clients;
static uint32_t joined, published;
static uint64_t deliveries, finished, under_way;
static bool publishing;

// MARK: publications

static uint32_t random_number(void) {
  static uint32_t state = 0x2545F491;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// As well compressible as what people write.
static void write_text(uint8_t *out, size_t length) {
  static const char *const words[] = {
      "the ", "group ", "meeting ", "at ", "noon ", "is ", "moved ", "to ", "tomorrow ", "please ", "see ",
      "attached ", "notes ", "and ", "reply ", "before ", "friday ", "user_", "project ", "https://example.com/",
      "thanks ", "status: ", "done ", "42 ", "1999 ", "build ", "failed ", "again ", "who ", "can ", "review ", "it? "};
  for (size_t at = 0; at < length;) {
    const char *word = words[random_number() % (sizeof(words) / sizeof(*words))];
    size_t taken = strlen(word);
    if (taken > length - at) taken = length - at;
    memcpy(out + at, word, taken);
    at += taken;
    if (random_number() % 8 == 0 && at < length) out[at++] = (uint8_t)('a' + random_number() % 26);
  }
}

// To group 0, in which all are.
static void publish(void) {
  static uint8_t event[65536], frame[FRAME_SIZE];
  uint8_t *data = event + sizeof(EVENT_START) - 1;
  size_t data_length = event_size - (sizeof(EVENT_START) - 1) - (sizeof(EVENT_END) - 1);
  memcpy(event, EVENT_START, sizeof(EVENT_START) - 1);
  if (is_text) write_text(data, data_length); else memset(data, 'x', data_length);
  char number[NUMBER_DIGITS + 1];
  snprintf(number, sizeof(number), "%0*u", NUMBER_DIGITS, published++);
  memcpy(data, number, NUMBER_DIGITS);
  memcpy(data + data_length, EVENT_END, sizeof(EVENT_END) - 1);
  under_way++;
  link_send(&clients[0], frame, put_frame(frame, 0x81, event, event_size));
}

void client_joined(struct client *client) {
  (void)client;
  joined++;
}

void client_got_publication(struct client *client) {
  // With one message under way, or several in order, the last client to have one has all before it.
  (void)client;
  deliveries++;
  if (deliveries % client_count != 0) return;
  finished++;
  under_way--;
  if (publishing) publish();
}

// MARK: phases

static void account(int phase) {
  for (int i = 0; i < process_count; i++) processes[i].cpu[phase] = cpu_of(processes[i].id);
}

static void weigh(int phase) {
  for (int i = 0; i < process_count; i++) processes[i].memory[phase] = resident_of(processes[i].id);
}

static void turn_until(uint64_t end) {
  for (uint64_t now; (now = clock_now()) < end;) links_turn((int)((end - now) / 1000000) + 1);
}

static void join_all(void) {
  uint64_t progress = clock_now();
  for (uint32_t started = 0, before = 0; joined < client_count;) {
    while (started < client_count && started - joined < JOINING_AT_ONCE) link_start(&clients[started++]);
    links_turn(1000);
    if (joined != before) progress = clock_now();
    before = joined;
    if (clock_now() - progress > STALL) die("only %u of %u clients could join", joined, client_count);
  }
}

static void deliver(double length) {
  uint64_t end = clock_now() + (uint64_t)(length * 1e9), progress = clock_now(), before = deliveries;
  for (uint64_t now; (now = clock_now()) < end;) {
    links_turn((int)((end - now) / 1000000) + 1);
    if (deliveries != before) progress = now;
    before = deliveries;
    if (now - progress > STALL) die("lost: nothing has come for %d s", (int)(STALL / SECOND));
  }
}

static void report(const char *name, int from, int to) {
  printf(",\"%s\":{", name);
  for (int i = 0; i < process_count; i++) {
    printf("%s\"%s\":%.1f", i == 0 ? "" : ",", processes[i].name,
           (double)(processes[i].cpu[to] - processes[i].cpu[from]) / 1e3);
  }
  fputs("}", stdout);
}

static void measure(void) {
  weigh(0);
  account(0);
  uint64_t start = clock_now();
  join_all();
  account(1);
  double join_seconds = (double)(clock_now() - start) / 1e9;
  turn_until(clock_now() + (uint64_t)(settle * 1e9));
  weigh(1);
  printf("{\"clients\":%u,\"join_seconds\":%.3f,\"resident\":{", client_count, join_seconds);
  for (int i = 0; i < process_count; i++) {
    printf("%s\"%s\":%lld", i == 0 ? "" : ",", processes[i].name,
           (long long)(processes[i].memory[1] - processes[i].memory[0]));
  }
  fputs("}", stdout);
  report("join_us", 0, 1);
  if (seconds > 0) {
    publishing = true;
    for (uint32_t i = 0; i < in_flight; i++) publish();
    deliver(warmup);
    account(2);
    uint64_t before = deliveries, messages = finished;
    deliver(seconds);
    account(3);
    before = deliveries - before;
    messages = finished - messages;
    publishing = false;
    while (under_way > 0) deliver(0.01);
    printf(",\"deliveries\":%llu,\"messages\":%llu", (unsigned long long)before, (unsigned long long)messages);
    report("delivery_us", 2, 3);
  }
  puts("}");
}

// MARK: command line

static const char USAGE[] =
    "usage: driver --port PORT --path PREFIX [options]\n"
    "\n"
    "  --port PORT          of the server on 127.0.0.1\n"
    "  --path PREFIX        of the groups' paths: group 7 is at PREFIX7/\n"
    "  --clients N          (1000)\n"
    "  --groups N           to which they are dealt in turn (1)\n"
    "  --tls                speak TLS\n"
    "  --http2 N            N clients share an HTTP/2 connection\n"
    "  --event-streams      all but the first client read events instead of having WebSockets\n"
    "  --deflate            offer compression\n"
    "  --tokens FILE        a token for each client, one a line\n"
    "  --settle SECONDS     until clients that have joined count as idle (1)\n"
    "  --seconds SECONDS    then publish for so long to one group (0: not)\n"
    "  --warmup SECONDS     before that (0.5)\n"
    "  --in-flight N        messages under way (1)\n"
    "  --size BYTES         of the published event, 64 to 65535 (128)\n"
    "  --text               it reads like text\n"
    "  --process NAME=PID   whose CPU and memory to report; may be repeated\n";

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
  if (end == value || *end != '\0' || !(number >= 0 && number <= 3600)) refuse(key, value, "0 to 3600 seconds");
  return number;
}

static void add_process(char *value) {
  char *equals = strchr(value, '=');
  if (equals == NULL || equals == value) refuse("process", value, "NAME=PID");
  if (process_count == MOST_PROCESSES) refuse("process", value, "at most 8 times");
  processes[process_count++] =
      (struct process){.name = value, .id = (int)integer("process", equals + 1, 1, INT32_MAX)};
  *equals = '\0';
}

static void read_tokens(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("%s: %s", path, strerror(errno));
  links.tokens = zeroed(client_count, sizeof(*links.tokens));
  size_t capacity = 0;
  for (uint32_t i = 0; i < client_count; i++) {
    ssize_t length = getline(&links.tokens[i], &capacity, file);
    if (length <= 1) die("%s has fewer than %u tokens", path, client_count);
    links.tokens[i][length - 1] = '\0';
    capacity = 0;
  }
  fclose(file);
}

static void read_options(int count, char **arguments) {
  static const struct option known[] = {
      {"port", 1, NULL, 'p'},    {"path", 1, NULL, 'P'},   {"clients", 1, NULL, 'n'}, {"groups", 1, NULL, 'g'},
      {"tls", 0, NULL, 't'},     {"http2", 1, NULL, '2'},  {"event-streams", 0, NULL, 'e'},
      {"deflate", 0, NULL, 'd'}, {"tokens", 1, NULL, 'T'}, {"settle", 1, NULL, 'w'},
      {"seconds", 1, NULL, 's'}, {"warmup", 1, NULL, 'u'}, {"in-flight", 1, NULL, 'f'},
      {"size", 1, NULL, 'z'},    {"text", 0, NULL, 'x'},   {"process", 1, NULL, 'c'},
      {"help", 0, NULL, 'h'},    {0}};
  const char *tokens = NULL;
  for (int key; (key = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    switch (key) {
      case 'p': links.port = (int)integer("port", optarg, 1, 65535); break;
      case 'P': links.path = optarg; break;
      case 'n': client_count = integer("clients", optarg, 1, 1000000); break;
      case 'g': links.groups = integer("groups", optarg, 1, 1000000); break;
      case 't': links.uses_tls = true; break;
      case '2':
        links.uses_http2 = true;
        links.clients_per_link = integer("http2", optarg, 1, 10000);
        break;
      case 'e': uses_event_streams = true; break;
      case 'd': links.offers_compression = true; break;
      case 'T': tokens = optarg; break;
      case 'w': settle = duration("settle", optarg); break;
      case 's': seconds = duration("seconds", optarg); break;
      case 'u': warmup = duration("warmup", optarg); break;
      case 'f': in_flight = integer("in-flight", optarg, 1, 1024); break;
      case 'z': event_size = integer("size", optarg, 64, 65535); break;
      case 'x': is_text = true; break;
      case 'c': add_process(optarg); break;
      case 'h': fputs(USAGE, stdout); exit(0);
      default: fputs(USAGE, stderr); exit(2);
    }
  }
  if (optind < count || links.port == 0 || links.path == NULL) {
    fputs(USAGE, stderr);
    exit(2);
  }
  if (seconds > 0 && links.groups > 1) die("publishing needs all clients in one group");
  if (tokens != NULL) read_tokens(tokens);
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < client_count / links.clients_per_link + 16) {
      die("%u clients need as many open files; allowed here: %llu (ulimit -Hn)", client_count,
          (unsigned long long)files.rlim_cur);
    }
  }
  clients = zeroed(client_count, sizeof(*clients));
  for (uint32_t i = 0; i < client_count; i++) {
    clients[i].index = i;
    clients[i].is_event_stream = uses_event_streams && i > 0;
  }
  links_configure(&links, client_count);
  measure();
  links_close();
}
