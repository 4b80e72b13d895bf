// Ways to read the streams of all shards of one Redis, compared by what they cost it.
//
// One thread, one epoll. It stands for --gateways gateways, each of which reads all shards, and for
// one publisher that sends --rate events per second at random moments, whether Redis keeps up or not.
// --mode is the way to read:
//
//   all        one blocking XREAD that names every shard: one connection per gateway
//   each       one blocking XREAD per shard: a connection per gateway and shard
//   bell       a doorbell: a connection with client tracking, redirected to a second one that is
//              subscribed to the invalidations. A read arms the bell of its shard, the next
//              publication there rings it once, and the gateway reads the shards that rang
//   bell-optin the same with OPTIN: CLIENT CACHING YES before each read, so that other commands of
//              the connection arm nothing
//   bell-joint the same as bell, with one XREAD that names all shards that rang (not on a cluster)
//   bell-bcast the same as bell with BCAST: every publication rings, armed or not
//   bell-quiet the same as bell-optin while few events come; while many come, it needs no bells: a wait
//              after each read, then all shards are read at once, unarmed (one XREAD each, in one write)
//
// With --linger a gateway waits so many milliseconds after a read that brought something.
//
// Each event carries the moment at which it was due and its number within its shard. A reader that
// receives another than the next number ends the measurement, unless Redis was overloaded: then the
// result says how many events were not seen. The result is one line, its fields parted by tabs.
//
// It empties the Redis at --port of 127.0.0.1: give it one of its own.

#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
  SHARDS = 16,
  MOST_ENTRIES = 1000,       // COUNT of a read
  STREAM_LENGTH = 10000,     // MAXLEN of a shard stream
  GROUPS = 1000,             // of the publish script
  HISTORY_SIZE = 100,
  STAMP = 24,                // at the end of an event: 16 digits of time, 8 of number, in base 16
  READ_SIZE = 256 * 1024,    // most that one read() takes
  EVENTS = 512,              // epoll events per round
  // Of bell-quiet. A ring and its arming cost Redis 4 reads that find nothing: polls pay off from one
  // event per 4 reads on. Not below: each bell that was not armed has to be, by one more read.
  BUSY_FROM = SHARDS / 4,    // events of a read
  QUIET_BELOW = SHARDS / 8,
  BURST = 256,               // most publications that leave in one write()
  // The histogram of latencies: 64 steps per power of two, so 1.6 % wide at most.
  STEP_BITS = 6,
  BUCKETS = 64 << STEP_BITS,
};

static const uint64_t MILLISECOND = 1000000;
static const uint64_t DRAIN = 5 * SECOND;        // for what is under way at the end

enum mode { ALL, EACH, BELL, BELL_OPTIN, BELL_JOINT, BELL_BCAST, BELL_QUIET, MODES };
static const char *const MODE_NAMES[MODES] = {
  "all", "each", "bell", "bell-optin", "bell-joint", "bell-bcast", "bell-quiet",
};

static struct {
  int port, redis;
  enum mode mode;
  uint32_t gateways, rate, size;
  double linger, warmup, seconds;
  const char *script;        // a file; without one the publisher uses XADD
} options = {.gateways = 1, .rate = 1000, .size = 200, .warmup = 0.5, .seconds = 3};

enum role { PUBLISHER, READER, RINGER };

struct link {
  enum role role;
  int descriptor;
  bool waiting_to_write;
  redisReader *parser;
  struct reader *reader;     // whose link it is; none of the publisher's
  struct commands output;
  size_t sent;               // bytes of the output
};

struct reader {
  struct link link, bell;
  uint32_t shards;           // a bit for each
  uint32_t rung;
  int replies_due;
  uint32_t entries;          // of the replies since the last read
  bool polling;              // bell-quiet: unarmed
  bool lingering;
  uint64_t resumes_at;
  uint64_t cursor_ms[SHARDS], cursor_seq[SHARDS];
  uint32_t received[SHARDS];
  int shard_parsed;          // of the reply that is being parsed
  uint32_t entries_parsed;
};

static struct link publisher;
static struct reader *readers;
static size_t reader_count;
static struct reader **lingering;                // a ring: all wait equally long
static size_t lingering_first, lingering_count;
static uint32_t published[SHARDS];
static uint64_t sent, acknowledged, delivered, lost, reads, rings;
static uint64_t histogram[BUCKETS], measured_latencies;
static bool measuring, stopping;
static char sha[64];
static int epoll;

// MARK: Latencies

static size_t bucket_of(uint64_t value) {
  if (value < (1 << STEP_BITS)) return value;
  int power = 63 - __builtin_clzll(value);
  size_t step = (value >> (power - STEP_BITS)) & ((1 << STEP_BITS) - 1);
  return ((size_t)(power - STEP_BITS + 1) << STEP_BITS) + step;
}

static double value_of(size_t bucket) {
  if (bucket < (1 << STEP_BITS)) return (double)bucket;
  int power = (int)(bucket >> STEP_BITS) + STEP_BITS - 1;
  size_t step = bucket & ((1 << STEP_BITS) - 1);
  return ldexp(1 + (step + 0.5) / (1 << STEP_BITS), power);
}

static double quantile_ms(double quantile) {
  uint64_t rank = (uint64_t)ceil(quantile * (double)measured_latencies), seen = 0;
  for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
    seen += histogram[bucket];
    if (seen >= rank && seen > 0) return value_of(bucket) / (double)MILLISECOND;
  }
  return 0;
}

// MARK: Links

static void watch(struct link *link, int operation) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
  if (link->waiting_to_write) event.events |= EPOLLOUT;
  if (epoll_ctl(epoll, operation, link->descriptor, &event) != 0) die("epoll: %s", strerror(errno));
}

static void flush(struct link *link) {
  struct commands *output = &link->output;
  while (link->sent < output->length) {
    ssize_t count = send(link->descriptor, output->bytes + link->sent, output->length - link->sent, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) die("send: %s", strerror(errno));
      break;
    }
    link->sent += (size_t)count;
  }
  if (link->sent == output->length) link->sent = output->length = 0;
  if (link->waiting_to_write != (output->length > 0)) {
    link->waiting_to_write = !link->waiting_to_write;
    watch(link, EPOLL_CTL_MOD);
  }
}

static redisReplyObjectFunctions PARSED;

// From here on the link's descriptor is ours; hiredis parses what comes.
static void adopt(struct link *link, redisContext *context, enum role role, struct reader *reader) {
  link->role = role;
  link->reader = reader;
  link->descriptor = dup(context->fd);
  redisFree(context);
  if (link->descriptor < 0 || fcntl(link->descriptor, F_SETFL, O_NONBLOCK) != 0) die("%s", strerror(errno));
  link->parser = redisReaderCreateWithFunctions(&PARSED);
  if (link->parser == NULL) die("out of memory");
  link->parser->privdata = link;
  link->parser->maxbuf = 0;
  watch(link, EPOLL_CTL_ADD);
}

// MARK: Reading

static bool has_bell(void) {
  return options.mode >= BELL;
}

static void put_read(struct reader *reader, uint32_t shards, bool block) {
  struct commands *commands = &reader->link.output;
  int count = __builtin_popcount(shards);
  put_count(commands, 4 + (block ? 2 : 0) + 2 * count);
  put_text(commands, "XREAD");
  put_text(commands, "COUNT");
  put_text(commands, "%d", MOST_ENTRIES);
  if (block) {
    put_text(commands, "BLOCK");
    put_text(commands, "2500");
  }
  put_text(commands, "STREAMS");
  for (int shard = 0; shard < SHARDS; shard++)
    if (shards >> shard & 1) put_text(commands, "martlet:{%02d}:stream", shard);
  for (int shard = 0; shard < SHARDS; shard++)
    if (shards >> shard & 1)
      put_text(commands, "%llu-%llu", (unsigned long long)reader->cursor_ms[shard],
               (unsigned long long)reader->cursor_seq[shard]);
  reader->replies_due++;
  if (measuring) reads++;
}

static void read_on(struct reader *reader) {
  if (reader->replies_due > 0 || reader->lingering) return;
  if (!has_bell()) {
    put_read(reader, reader->shards, true);
  } else {
    if (reader->rung == 0) return;
    if (options.mode == BELL_JOINT) {
      put_read(reader, reader->rung, false);
    } else {
      for (int shard = 0; shard < SHARDS; shard++) {
        if (!(reader->rung >> shard & 1)) continue;
        if (options.mode == BELL_OPTIN || (options.mode == BELL_QUIET && !reader->polling)) {
          put_words(&reader->link.output, "CLIENT CACHING YES");
          reader->replies_due++;
        }
        put_read(reader, UINT32_C(1) << shard, false);
      }
    }
    reader->rung = 0;
  }
  flush(&reader->link);
}

static void reply_ended(struct reader *reader) {
  if (--reader->replies_due > 0) return;
  bool linger = reader->entries > 0 && options.linger > 0;
  if (options.mode == BELL_QUIET && options.linger > 0) {
    bool polled = reader->polling;
    reader->polling = reader->entries >= (polled ? QUIET_BELOW : BUSY_FROM);
    if (polled || reader->polling) reader->rung = reader->shards;
  }
  reader->entries = 0;
  if (linger) {
    reader->lingering = true;
    reader->resumes_at = clock_now() + (uint64_t)(options.linger * (double)MILLISECOND);
    lingering[(lingering_first + lingering_count++) % reader_count] = reader;
  } else {
    read_on(reader);
  }
}

static void resume_readers(uint64_t now) {
  while (lingering_count > 0 && lingering[lingering_first]->resumes_at <= now) {
    struct reader *reader = lingering[lingering_first];
    lingering_first = (lingering_first + 1) % reader_count;
    lingering_count--;
    reader->lingering = false;
    read_on(reader);
  }
}

// MARK: What hiredis finds in the replies; nothing is kept of it but what these functions note

static void *const NOTED = (void *)&PARSED;

static int shard_of_key(const char *key, size_t length) {
  if (length < 12 || memcmp(key, "martlet:{", 9) != 0) die("unknown key %.*s", (int)length, key);
  return (key[9] - '0') * 10 + (key[10] - '0');
}

static uint64_t number_in(const char *digits, int count) {
  uint64_t value = 0;
  for (int index = 0; index < count; index++) {
    int digit = digits[index] <= '9' ? digits[index] - '0' : digits[index] - 'a' + 10;
    value = value << 4 | (uint64_t)digit;
  }
  return value;
}

static void noted_event(struct reader *reader, const char *bytes, size_t length) {
  if (length < STAMP) die("an event of %zu bytes", length);
  const char *stamp = bytes + length - STAMP;
  uint64_t due = number_in(stamp, 16);
  uint32_t number = (uint32_t)number_in(stamp + 16, 8);
  uint32_t *received = &reader->received[reader->shard_parsed];
  if (number < *received) die("event %u of shard %d came twice", number, reader->shard_parsed);
  lost += number - *received;
  *received = number + 1;
  delivered++;
  if (measuring) {
    uint64_t now = clock_now();
    histogram[bucket_of(now > due ? now - due : 0)]++;
    measured_latencies++;
  }
}

static void *string_parsed(const redisReadTask *task, char *bytes, size_t length) {
  struct link *link = task->privdata;
  if (task->type == REDIS_REPLY_ERROR) die("%.*s", (int)length, bytes);
  struct reader *reader = link->reader;
  int depth = link->parser->ridx;
  if (link->role == RINGER) {
    if (depth == 2) {
      reader->rung |= UINT32_C(1) << shard_of_key(bytes, length);
      if (measuring) rings++;
    }
  } else if (link->role == READER) {
    if (depth == 2) {
      reader->shard_parsed = shard_of_key(bytes, length);
    } else if (depth == 4) {
      char *rest;
      reader->cursor_ms[reader->shard_parsed] = strtoull(bytes, &rest, 10);
      reader->cursor_seq[reader->shard_parsed] = strtoull(rest + 1, NULL, 10);
    } else if (depth == 5 && task->idx == 1) {
      noted_event(reader, bytes, length);
    }
  }
  return NOTED;
}

static void *array_parsed(const redisReadTask *task, int elements) {
  struct link *link = task->privdata;
  if (link->role == READER && link->parser->ridx == 2) {
    link->reader->entries += (uint32_t)elements;
    // A full reply: there may be more, and no bell will tell.
    if (elements == MOST_ENTRIES) link->reader->rung |= UINT32_C(1) << link->reader->shard_parsed;
  }
  return NOTED;
}

static void *integer_parsed(const redisReadTask *task, long long value) {
  (void)task, (void)value;
  return NOTED;
}

static void *nil_parsed(const redisReadTask *task) {
  (void)task;
  return NOTED;
}

static void nothing_to_free(void *object) {
  (void)object;
}

static redisReplyObjectFunctions PARSED = {
  .createString = string_parsed, .createArray = array_parsed, .createInteger = integer_parsed,
  .createNil = nil_parsed, .freeObject = nothing_to_free,
};

static void receive(struct link *link) {
  static char buffer[READ_SIZE];
  ssize_t count = recv(link->descriptor, buffer, sizeof buffer, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) die("Redis closed a connection");
  redisReaderFeed(link->parser, buffer, (size_t)count);
  for (;;) {
    void *reply = NULL;
    if (redisReaderGetReply(link->parser, &reply) != REDIS_OK) die("%s", link->parser->errstr);
    if (reply == NULL) break;
    if (link->role == PUBLISHER) acknowledged++;
    if (link->role == READER) reply_ended(link->reader);
  }
  if (link->role == RINGER) read_on(link->reader);
}

// MARK: Publishing

static void publish(uint64_t due) {
  static char event[4096];
  if (event[0] == 0) memset(event, 'x', sizeof event);
  uint32_t group = (uint32_t)(next_random() >> 16) % GROUPS;
  int shard = (int)(group % SHARDS);
  char stamp[STAMP + 1];
  snprintf(stamp, sizeof stamp, "%016llx%08x", (unsigned long long)due, published[shard]++);
  memcpy(event + options.size - STAMP, stamp, STAMP);
  if (options.script == NULL) {
    put_count(&publisher.output, 8);
    put_text(&publisher.output, "XADD");
    put_text(&publisher.output, "martlet:{%02d}:stream", shard);
    put_text(&publisher.output, "MAXLEN");
    put_text(&publisher.output, "~");
    put_text(&publisher.output, "%d", STREAM_LENGTH);
    put_text(&publisher.output, "*");
    put_text(&publisher.output, "r");
    put_bytes(&publisher.output, event, options.size);
  } else {
    static char tail[4096];
    int head = snprintf(tail, sizeof tail, "- load_%u ", group);
    memcpy(tail + head, event, options.size);
    put_count(&publisher.output, 13);
    put_text(&publisher.output, "EVALSHA");
    put_text(&publisher.output, "%s", sha);
    put_text(&publisher.output, "3");
    put_text(&publisher.output, "martlet:{%02d}:stream", shard);
    put_text(&publisher.output, "martlet:{%02d}:meta:load_%u", shard, group);
    put_text(&publisher.output, "martlet:{%02d}:history:load_%u", shard, group);
    put_text(&publisher.output, "abcdefghijkl");
    put_bytes(&publisher.output, tail, (size_t)head + options.size);
    put_text(&publisher.output, "%d", STREAM_LENGTH);
    put_text(&publisher.output, "%d", HISTORY_SIZE);
    put_text(&publisher.output, "600000");
    put_text(&publisher.output, "87000000");
    put_text(&publisher.output, "300000");
  }
  sent++;
}

// MARK: The run

static void open_reader(struct reader *reader, uint32_t shards) {
  reader->shards = shards;
  redisContext *context = dial(options.port);
  if (has_bell()) {
    redisContext *bell = dial(options.port);
    redisReply *reply = ask(bell, "CLIENT ID");
    long long id = reply->integer;
    freeReplyObject(reply);
    freeReplyObject(ask(bell, "SUBSCRIBE __redis__:invalidate"));
    if (options.mode == BELL_BCAST) {
      char command[1024];
      int length = snprintf(command, sizeof command, "CLIENT TRACKING ON REDIRECT %lld BCAST", id);
      for (int shard = 0; shard < SHARDS; shard++)
        length += snprintf(command + length, sizeof command - (size_t)length,
                           " PREFIX martlet:{%02d}:stream", shard);
      freeReplyObject(ask(context, command));
    } else {
      freeReplyObject(ask(context, "CLIENT TRACKING ON REDIRECT %lld %s", id,
                          options.mode == BELL_OPTIN || options.mode == BELL_QUIET ? "OPTIN" : "NOLOOP"));
    }
    adopt(&reader->bell, bell, RINGER, reader);
    reader->rung = shards;
  }
  adopt(&reader->link, context, READER, reader);
}

static void set_up(void) {
  redisContext *context = dial(options.port);
  freeReplyObject(ask(context, "FLUSHALL"));
  if (options.script != NULL) {
    char *source = text_of_file(options.script);
    redisReply *reply = ask(context, "SCRIPT LOAD %s", source);
    snprintf(sha, sizeof sha, "%s", reply->str);
    freeReplyObject(reply);
    free(source);
  }
  epoll = epoll_create1(0);
  adopt(&publisher, context, PUBLISHER, NULL);
  uint32_t every = (UINT32_C(1) << SHARDS) - 1;
  size_t each = options.mode == EACH ? SHARDS : 1;
  reader_count = options.gateways * each;
  readers = zeroed(reader_count + 1, sizeof *readers);
  lingering = zeroed(reader_count + 1, sizeof *lingering);
  for (size_t index = 0; index < reader_count; index++)
    open_reader(&readers[index], each == 1 ? every : UINT32_C(1) << index % SHARDS);
  for (size_t index = 0; index < reader_count; index++) read_on(&readers[index]);
}

// Serves all links until `end`, or until everything published has arrived when `stopping`.
static void run_until(uint64_t end, uint64_t *next_due) {
  struct epoll_event events[EVENTS];
  for (;;) {
    uint64_t now = clock_now();
    if (now >= end) return;
    if (stopping && acknowledged == sent && delivered + lost == sent * options.gateways) return;
    uint64_t wake = end;
    if (!stopping) {
      for (int count = 0; *next_due <= now && count < BURST; count++) {
        publish(*next_due);
        double uniform = ((double)(next_random() >> 11) + 0.5) / 9007199254740992.0;
        *next_due += (uint64_t)(-log(uniform) * (double)SECOND / options.rate) + 1;
      }
      if (!publisher.waiting_to_write) flush(&publisher);
      if (*next_due < wake) wake = *next_due;
    }
    resume_readers(now);
    if (lingering_count > 0 && lingering[lingering_first]->resumes_at < wake)
      wake = lingering[lingering_first]->resumes_at;
    now = clock_now();
    uint64_t wait = wake > now ? wake - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
    int count = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
    if (count < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
    for (int index = 0; index < count; index++) {
      struct link *link = events[index].data.ptr;
      if (events[index].events & EPOLLOUT) flush(link);
      if (events[index].events & ~(uint32_t)EPOLLOUT) receive(link);
    }
  }
}

static void parse_options(int count, char **arguments) {
  enum { PORT, REDIS, MODE, GATEWAYS, RATE, SIZE, LINGER, WARMUP, SECONDS, SCRIPT };
  static const struct option known[] = {
    {"port", required_argument, NULL, PORT},       {"redis", required_argument, NULL, REDIS},
    {"mode", required_argument, NULL, MODE},       {"gateways", required_argument, NULL, GATEWAYS},
    {"rate", required_argument, NULL, RATE},       {"size", required_argument, NULL, SIZE},
    {"linger", required_argument, NULL, LINGER},   {"warmup", required_argument, NULL, WARMUP},
    {"seconds", required_argument, NULL, SECONDS}, {"script", required_argument, NULL, SCRIPT},
    {NULL, 0, NULL, 0},
  };
  int option, index = 0;
  while ((option = getopt_long(count, arguments, "", known, &index)) != -1) {
    if (option == '?') exit(2);
    const char *name = known[index].name;
    switch (option) {
    case MODE:
      for (options.mode = 0; options.mode < MODES; options.mode++)
        if (strcmp(optarg, MODE_NAMES[options.mode]) == 0) break;
      if (options.mode == MODES) die("--mode: not known: %s", optarg);
      break;
    case SCRIPT: options.script = optarg; break;
    case PORT: options.port = (int)number_of(optarg, name); break;
    case REDIS: options.redis = (int)number_of(optarg, name); break;
    case GATEWAYS: options.gateways = (uint32_t)number_of(optarg, name); break;
    case RATE: options.rate = (uint32_t)number_of(optarg, name); break;
    case SIZE: options.size = (uint32_t)number_of(optarg, name); break;
    case LINGER: options.linger = number_of(optarg, name); break;
    case WARMUP: options.warmup = number_of(optarg, name); break;
    case SECONDS: options.seconds = number_of(optarg, name); break;
    }
  }
  if (options.port == 0 || options.redis == 0) die("--port and --redis (its process) are needed");
  if (options.rate == 0) die("--rate: must be above 0");
  if (options.size < STAMP || options.size > 4000) die("--size: from %d to 4000", STAMP);
}

int main(int count, char **arguments) {
  parse_options(count, arguments);
  set_up();
  uint64_t next_due = clock_now();
  run_until(next_due + (uint64_t)(options.warmup * (double)SECOND), &next_due);

  measuring = true;
  uint64_t redis = cpu_of(options.redis), own = cpu_of(getpid()), start = clock_now(), before = acknowledged;
  run_until(start + (uint64_t)(options.seconds * (double)SECOND), &next_due);
  double elapsed = (double)(clock_now() - start);
  redis = cpu_of(options.redis) - redis;
  own = cpu_of(getpid()) - own;
  uint64_t publications = acknowledged - before;
  measuring = false;

  stopping = true;
  bool overloaded = (double)publications < 0.97 * options.rate * elapsed / (double)SECOND - 100;
  run_until(clock_now() + DRAIN, &next_due);
  uint64_t missing = sent * options.gateways - delivered;
  if (missing > 0 && !overloaded) die("%llu events did not arrive", (unsigned long long)missing);
  if (publications == 0) die("Redis answered nothing");

  // mode, gateways, events/s asked for, linger; events/s, µs of Redis per event, share of a core of
  // Redis and of this program, reads and rings per event, ms of latency (median, 99 %), events not seen
  printf("%s\t%u\t%u\t%g\t%.0f\t%.2f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%llu\n", MODE_NAMES[options.mode],
         options.gateways, options.rate, options.linger, (double)publications * (double)SECOND / elapsed,
         (double)redis / 1000 / (double)publications, (double)redis / elapsed, (double)own / elapsed,
         (double)reads / (double)publications, (double)rings / (double)publications, quantile_ms(0.5),
         quantile_ms(0.99), (unsigned long long)missing);
  return 0;
}
