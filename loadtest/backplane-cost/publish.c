// What a publication costs Redis, by the script that publishes it.
//
// One connection, --in-flight publications under way at any time. What is left of the arguments are the
// scripts: files of Lua that get the keys and arguments of scripts/present.lua and answer
// {epoch, offset, repeated} or the same as one text. Or, to tell where the time goes:
//
//   :xadd       no script: XADD to the shard stream, nothing else
//   :commands   no script: the commands of scripts/present.lua one by one, which cannot work for more
//               than one publisher
//
// A file whose first line is `#!lua name=…` is loaded as a library and called by FCALL. One whose first
// line is `-- batch N` publishes N events of a shard per call: its KEYS are the shard stream, then meta
// and history of each; its ARGV epoch, lengths and times as usual but without the tail, then the tails.
//
// Each script has groups of its own, whose histories are filled first. Then the scripts take turns in
// slices of --slice seconds, --rounds times: other load on the machine hits all of them. The offsets that
// a group's publications get must be 1, 2, 3 and so on; in the end each history must hold the last
// --history of them, and the script must keep what the backplane promises of epochs, ids and expiries.
//
// The result is one line per script, its fields parted by tabs: name, µs of Redis per publication (median
// of the slices, lowest quarter of them), the median ratio to the first script in the same round.
//
// It empties the Redis at --port of 127.0.0.1: give it one of its own.

#include <getopt.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common.h"

// What the gateways' script is told of the server it runs on; the other forms ignore it.
#define INCARNATION "0123456789abcdef"

enum {
  SHARDS = 16,
  STREAM_LENGTH = 10000,     // MAXLEN of a shard stream
  MOST_IN_FLIGHT = 4096,
  FILLED = 130,              // publications per group before the measured window, in hundredths of a history
  READ_SIZE = 256 * 1024,
};

static struct {
  int port, redis;
  uint32_t groups, history, size, in_flight, rounds;
  double slice;
  bool idempotent;
} options = {.groups = 1000, .history = 100, .size = 200, .in_flight = 256, .rounds = 15, .slice = 0.2};

enum kind { SCRIPT, LIBRARY, XADD, COMMANDS };

struct way {
  enum kind kind;
  const char *name;
  const char *source;
  uint32_t batch;
  int number;
  char sha[64];
  uint64_t *offsets;         // of each group, as sent
  double *costs;             // of each round
};

static struct commands output;
static redisReader *parser;
static struct expected {
  uint32_t group;
  uint64_t offset;
} under_way[MOST_IN_FLIGHT];                     // a ring: answers come in order
static uint64_t sent, answered;                  // publications
static uint32_t replies_of_event;                // of the ways without a script: so far
static struct way *way;                          // whose turn it is
static redisContext *context;
static uint64_t started;
static char *event;

// MARK: Sending

static void put_commands(int shard, uint32_t group, const char *tail, int length) {
  char record[8192];
  int size = snprintf(record, sizeof record, "p %llu abcdefghijkl %.*s", (unsigned long long)way->offsets[group],
                      length, tail);
  char words[256];
  if (way->kind == COMMANDS) {
    snprintf(words, sizeof words, "HGET martlet%d:{%02d}:meta:load_%u epoch", way->number, shard, group);
    put_words(&output, words);
    snprintf(words, sizeof words, "HINCRBY martlet%d:{%02d}:meta:load_%u offset 1", way->number, shard, group);
    put_words(&output, words);
    snprintf(words, sizeof words, "PEXPIRE martlet%d:{%02d}:meta:load_%u 87000000", way->number, shard, group);
    put_words(&output, words);
    put_count(&output, 8);
    put_text(&output, "XADD");
    put_text(&output, "martlet%d:{%02d}:history:load_%u", way->number, shard, group);
    put_text(&output, "MAXLEN");
    put_text(&output, "~");
    put_text(&output, "%u", options.history);
    put_text(&output, "%llu-0", (unsigned long long)way->offsets[group]);
    put_text(&output, "r");
    put_bytes(&output, record, (size_t)size);
    snprintf(words, sizeof words, "PEXPIRE martlet%d:{%02d}:history:load_%u 600000", way->number, shard, group);
    put_words(&output, words);
  }
  put_count(&output, 8);
  put_text(&output, "XADD");
  put_text(&output, "martlet%d:{%02d}:stream", way->number, shard);
  put_text(&output, "MAXLEN");
  put_text(&output, "~");
  put_text(&output, "%d", STREAM_LENGTH);
  put_text(&output, "*");
  put_text(&output, "r");
  put_bytes(&output, record, (size_t)size);
}

static void publish(void) {
  uint32_t group = (uint32_t)(next_random() >> 16) % options.groups;
  int shard = (int)(group % SHARDS);
  bool batch = way->batch > 0;
  uint32_t events = batch ? way->batch : 1;
  if (way->kind == SCRIPT || way->kind == LIBRARY) {
    int keys = batch ? 1 + 2 * (int)events : options.idempotent ? 4 : 3;
    put_count(&output, 3 + keys + 6 + (int)events + (batch ? 0 : 1));
    put_text(&output, way->kind == SCRIPT ? "EVALSHA" : "FCALL");
    put_text(&output, "%s", way->kind == SCRIPT ? way->sha : "publish");
    put_text(&output, "%d", keys);
    put_text(&output, "martlet%d:{%02d}:stream", way->number, shard);
  }
  char tails[64][8192];
  int lengths[64];
  for (uint32_t index = 0; index < events; index++) {
    // All of a batch are of one shard.
    if (index > 0) group = (group + SHARDS * (1 + (uint32_t)(next_random() >> 16) % 50)) % options.groups / SHARDS * SHARDS
                           + (uint32_t)shard;
    if (group >= options.groups) group = (uint32_t)shard;
    way->offsets[group]++;
    under_way[sent++ % MOST_IN_FLIGHT] = (struct expected){group, way->offsets[group]};
    lengths[index] = snprintf(tails[index], sizeof tails[index], "- load_%u %.*s", group, (int)options.size, event);
    if (way->kind == XADD || way->kind == COMMANDS) {
      put_commands(shard, group, tails[index], lengths[index]);
      return;
    }
    put_text(&output, "martlet%d:{%02d}:meta:load_%u", way->number, shard, group);
    put_text(&output, "martlet%d:{%02d}:history:load_%u", way->number, shard, group);
  }
  if (!batch && options.idempotent)
    put_text(&output, "martlet%d:{%02d}:once:load_%u/%016llx", way->number, shard, group, (unsigned long long)next_random());
  // Another epoch each time: only a new group may take it.
  put_text(&output, "epoch%07llu", (unsigned long long)(sent % 10000000));
  if (!batch) put_bytes(&output, tails[0], (size_t)lengths[0]);
  put_text(&output, "%d", STREAM_LENGTH);
  put_text(&output, "%u", options.history);
  put_text(&output, "600000");
  put_text(&output, "87000000");
  put_text(&output, "300000");
  if (!batch) put_text(&output, "%s", INCARNATION);
  for (uint32_t index = 0; batch && index < events; index++) put_bytes(&output, tails[index], (size_t)lengths[index]);
}

// MARK: Answers; hiredis keeps nothing of them but what these functions check

static void check_offset(const char *text, size_t length) {
  const struct expected *expected = &under_way[answered % MOST_IN_FLIGHT];
  char digits[32];
  snprintf(digits, sizeof digits, "%.*s", (int)length, text);
  if (strtoull(digits, NULL, 10) != expected->offset)
    die("%s: group %u got offset %s, not %llu", way->name, expected->group, digits,
        (unsigned long long)expected->offset);
}

static void check_text(const char *bytes, size_t length) {
  const char *offset = memchr(bytes, ' ', length);
  if (offset == NULL) die("%s: answered %.*s", way->name, (int)length, bytes);
  check_offset(offset + 1, length - (size_t)(offset + 1 - bytes));
}

static redisReplyObjectFunctions PARSED;
static void *const NOTED = (void *)&PARSED;

static void *string_parsed(const redisReadTask *task, char *bytes, size_t length) {
  if (task->type == REDIS_REPLY_ERROR) die("%s: %.*s", way->name, (int)length, bytes);
  if (way->kind == XADD || way->kind == COMMANDS) return NOTED;
  int depth = parser->ridx;
  if (way->batch > 0) {
    check_text(bytes, length);
    answered++;
  } else if (depth == 0) {
    check_text(bytes, length);
  } else if (task->idx == 1) {
    check_offset(bytes, length);
  }
  return NOTED;
}

static void *array_parsed(const redisReadTask *task, int elements) {
  (void)task, (void)elements;
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

static void reply_ended(void) {
  switch (way->kind) {
  case SCRIPT:
  case LIBRARY:
    if (way->batch == 0) answered++;
    break;
  case XADD:
    answered++;
    break;
  case COMMANDS:
    if (++replies_of_event == 6) {
      replies_of_event = 0;
      answered++;
    }
  }
}

// MARK: The run

// Sends what is free to go, then takes what has been answered. Answers fit the socket's buffers, so
// neither side waits for the other to read.
static void turn(bool refill) {
  uint32_t events = way->batch > 0 ? way->batch : 1;
  while (refill && sent - answered + events <= options.in_flight) publish();
  for (size_t done = 0; done < output.length;) {
    ssize_t count = send(context->fd, output.bytes + done, output.length - done, MSG_NOSIGNAL);
    if (count < 0) die("send: %s", strerror(errno));
    done += (size_t)count;
  }
  output.length = 0;
  static char buffer[READ_SIZE];
  ssize_t count = recv(context->fd, buffer, sizeof buffer, 0);
  if (count <= 0) die("Redis closed the connection");
  redisReaderFeed(parser, buffer, (size_t)count);
  for (;;) {
    void *reply = NULL;
    if (redisReaderGetReply(parser, &reply) != REDIS_OK) die("%s", parser->errstr);
    if (reply == NULL) return;
    reply_ended();
  }
}

// Each history ends with the group's last offset and holds enough, and nothing expires too soon.
static void check_histories(void) {
  for (uint32_t group = 0; group < options.groups; group++) {
    if (way->offsets[group] == 0) continue;
    redisReply *reply = ask(context, "XREVRANGE martlet%d:{%02d}:history:load_%u + - COUNT %u", way->number, group % SHARDS,
                            group, options.history);
    uint64_t expected = way->offsets[group] < options.history ? way->offsets[group] : options.history;
    if (reply->elements != expected)
      die("%s: the history of group %u has %zu entries", way->name, group, reply->elements);
    for (size_t index = 0; index < reply->elements; index++) {
      redisReply *entry = reply->element[index], *fields = entry->element[1];
      // The head of a record stands before the event, or is the name of its field.
      const char *record = fields->element[0]->len > 1 ? fields->element[0]->str : fields->element[1]->str;
      unsigned long long offset = way->offsets[group] - index;
      char id[32], head[64];
      snprintf(id, sizeof id, "%llu-0", offset);
      int length = snprintf(head, sizeof head, "p %llu ", offset);
      if (strcmp(entry->element[0]->str, id) != 0 || strncmp(record, head, (size_t)length) != 0)
        die("%s: the history of group %u has %s where %s is due", way->name, group, entry->element[0]->str, id);
    }
    freeReplyObject(reply);
    for (int index = 0; index < 2; index++) {
      reply = ask(context, "PTTL martlet%d:{%02d}:%s:load_%u", way->number, group % SHARDS, index ? "history" : "meta", group);
      long long least = (index ? 600000 : 87000000) - (long long)((clock_now() - started) / 1000000);
      if (reply->integer < least) die("%s: group %u lives for %lld ms", way->name, group, reply->integer);
      freeReplyObject(reply);
    }
  }
}

// Publishes to a group of the checks' own; the answer as a text, whatever form the script gives it.
static const char *answer(const char *epoch, const char *id, int history, int ttl) {
  char keys[4][64];
  const char *names[] = {"stream", "meta:check", "history:check", id == NULL ? "" : id};
  for (int index = 0; index < 4; index++)
    snprintf(keys[index], sizeof keys[index], "martlet%d:{00}:%s", way->number, names[index]);
  int count = id == NULL ? 3 : 4;
  const char *command = way->kind == SCRIPT ? "EVALSHA" : "FCALL";
  const char *script = way->kind == SCRIPT ? way->sha : "publish";
  redisReply *reply = id == NULL
    ? ask(context, "%s %s %d %s %s %s %s - %d %d %d 87000000 300000 " INCARNATION, command, script, count, keys[0], keys[1],
          keys[2], epoch, STREAM_LENGTH, history, ttl)
    : ask(context, "%s %s %d %s %s %s %s %s - %d %d %d 87000000 300000 " INCARNATION, command, script, count, keys[0],
          keys[1], keys[2], keys[3], epoch, STREAM_LENGTH, history, ttl);
  static char text[128];
  if (reply->type == REDIS_REPLY_ARRAY)
    snprintf(text, sizeof text, "%s %s %lld", reply->element[0]->str, reply->element[1]->str,
             reply->element[2]->integer);
  else
    snprintf(text, sizeof text, "%s", reply->str);
  freeReplyObject(reply);
  return text;
}

static long long number(const char *command, const char *key) {
  redisReply *reply = ask(context, "%s martlet%d:{00}:%s", command, way->number, key);
  long long value = reply->integer;
  freeReplyObject(reply);
  return value;
}

static void expect(bool kept, const char *promise) {
  if (!kept) die("%s: %s", way->name, promise);
}

// A script that is fast because it forgets something is of no use. Epochs are numbers with 7 digits and
// a word before, since one way keeps them as numbers.
static void check_promises(void) {
  char first[128], second[128];
  snprintf(first, sizeof first, "%s", answer("epoch0000001", "once", 100, 600000));
  size_t epoch = strcspn(first, " ");
  expect(strcmp(first + epoch, " 1 0") == 0, "the first publication is not number 1");
  snprintf(second, sizeof second, "%s", answer("epoch0000002", "once", 100, 600000));
  expect(strncmp(first, second, epoch) == 0 && strcmp(second + epoch, " 1 1") == 0, "a repeated id is published");
  snprintf(second, sizeof second, "%s", answer("epoch0000002", NULL, 100, 600000));
  expect(strncmp(first, second, epoch) == 0 && strcmp(second + epoch, " 2 0") == 0, "a group's epoch changes");
  expect(strcmp(answer("epoch0000002", NULL, 0, 600000) + epoch, " 3 0") == 0, "without history, no offset is taken");
  expect(number("XLEN", "history:check") == 2, "without history, there is one");
  number("DEL", "history:check");
  expect(strcmp(answer("epoch0000002", NULL, 100, 600000) + epoch, " 4 0") == 0, "without its history a group starts anew");
  expect(number("XLEN", "history:check") == 1, "a lost history is not begun again");
  expect(number("PTTL", "history:check") >= 590000, "a history that is begun again does not expire in time");
  number("DEL", "meta:check");
  snprintf(second, sizeof second, "%s", answer("epoch0000003", NULL, 100, 600000));
  expect(strncmp(first, second, epoch) != 0 && strcmp(strchr(second, ' '), " 1 0") == 0, "a lost group keeps its epoch");
  expect(number("XLEN", "history:check") == 1, "a new epoch keeps the old history");
  // A group that gets a history only now, and a short one: its expiry must be renewed by its own time.
  number("DEL", "meta:check");
  number("DEL", "history:check");
  answer("epoch0000004", NULL, 0, 600000);
  answer("epoch0000004", NULL, 100, 800);
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  answer("epoch0000004", NULL, 100, 800);
  expect(number("PTTL", "history:check") >= 790, "a history that came later expires too soon");
}

static void prepare(void) {
  if (way->kind == SCRIPT) {
    redisReply *reply = ask(context, "SCRIPT LOAD %s", way->source);
    snprintf(way->sha, sizeof way->sha, "%s", reply->str);
    freeReplyObject(reply);
  } else if (way->kind == LIBRARY) {
    freeReplyObject(ask(context, "FUNCTION LOAD %s", way->source));
  }
  way->offsets = zeroed(options.groups, sizeof *way->offsets);
  way->costs = zeroed(options.rounds, sizeof *way->costs);
  uint64_t fill = answered + (uint64_t)options.groups * options.history * FILLED / 100;
  while (answered < fill) turn(true);
  while (answered < sent) turn(false);
}

static void measure(uint32_t round) {
  uint64_t redis = cpu_of(options.redis), before = answered;
  uint64_t end = clock_now() + (uint64_t)(options.slice * (double)SECOND);
  while (clock_now() < end) turn(true);
  while (answered < sent) turn(false);
  redis = cpu_of(options.redis) - redis;
  way->costs[round] = (double)redis / 1000 / (double)(answered - before);
}

static int ascending(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

// The value below which `part` of the values are, which it sorts.
static double quantile(double *values, double part) {
  qsort(values, options.rounds, sizeof *values, ascending);
  return values[(uint32_t)(part * (options.rounds - 1))];
}

static struct way way_of(const char *argument) {
  if (strcmp(argument, ":xadd") == 0) return (struct way){.kind = XADD, .name = "XADD alone"};
  if (strcmp(argument, ":commands") == 0) return (struct way){.kind = COMMANDS, .name = "commands, no script"};
  struct way way = {.kind = SCRIPT, .source = text_of_file(argument)};
  if (strncmp(way.source, "#!lua name=", 11) == 0) way.kind = LIBRARY;
  unsigned batch;
  if (sscanf(way.source, "-- batch %u", &batch) == 1) way.batch = batch;
  if (way.batch > 64) die("%s: at most 64 in a batch", argument);
  const char *slash = strrchr(argument, '/');
  char *name = strdup(slash == NULL ? argument : slash + 1);
  name[strcspn(name, ".")] = 0;
  way.name = name;
  return way;
}

int main(int count, char **arguments) {
  enum { PORT, REDIS, GROUPS, HISTORY, SIZE, IN_FLIGHT, ROUNDS, SLICE, IDEMPOTENT };
  static const struct option known[] = {
    {"port", required_argument, NULL, PORT},       {"redis", required_argument, NULL, REDIS},
    {"groups", required_argument, NULL, GROUPS},   {"history", required_argument, NULL, HISTORY},
    {"size", required_argument, NULL, SIZE},       {"in-flight", required_argument, NULL, IN_FLIGHT},
    {"rounds", required_argument, NULL, ROUNDS},   {"slice", required_argument, NULL, SLICE},
    {"idempotent", no_argument, NULL, IDEMPOTENT}, {NULL, 0, NULL, 0},
  };
  int option, index = 0;
  while ((option = getopt_long(count, arguments, "+", known, &index)) != -1) {
    if (option == '?') exit(2);
    const char *name = known[index].name;
    switch (option) {
    case PORT: options.port = (int)number_of(optarg, name); break;
    case REDIS: options.redis = (int)number_of(optarg, name); break;
    case GROUPS: options.groups = (uint32_t)number_of(optarg, name); break;
    case HISTORY: options.history = (uint32_t)number_of(optarg, name); break;
    case SIZE: options.size = (uint32_t)number_of(optarg, name); break;
    case IN_FLIGHT: options.in_flight = (uint32_t)number_of(optarg, name); break;
    case ROUNDS: options.rounds = (uint32_t)number_of(optarg, name); break;
    case SLICE: options.slice = number_of(optarg, name); break;
    case IDEMPOTENT: options.idempotent = true; break;
    }
  }
  if (options.port == 0 || options.redis == 0) die("--port and --redis (its process) are needed");
  if (options.groups < SHARDS) die("--groups: at least %d", SHARDS);
  if (options.in_flight == 0 || options.in_flight > MOST_IN_FLIGHT) die("--in-flight: from 1 to %d", MOST_IN_FLIGHT);
  if (options.size > 4000) die("--size: at most 4000");
  if (options.rounds == 0) die("--rounds: must be above 0");
  if (optind == count) die("no script is named");
  event = zeroed(1, options.size + 1);
  memset(event, 'x', options.size);
  started = clock_now();
  context = dial(options.port);
  freeReplyObject(ask(context, "FLUSHALL"));
  freeReplyObject(ask(context, "FUNCTION FLUSH"));
  parser = redisReaderCreateWithFunctions(&PARSED);
  if (parser == NULL) die("out of memory");
  parser->maxbuf = 0;
  int ways = count - optind;
  struct way *all = zeroed((size_t)ways, sizeof *all);
  for (int item = 0; item < ways; item++) {
    all[item] = way_of(arguments[optind + item]);
    all[item].number = item;
    way = &all[item];
    prepare();
  }
  for (uint32_t round = 0; round < options.rounds; round++) {
    for (int item = 0; item < ways; item++) {
      way = &all[item];
      measure(round);
    }
  }
  double *ratios = zeroed((size_t)ways * options.rounds, sizeof *ratios);
  for (int item = 0; item < ways; item++)
    for (uint32_t round = 0; round < options.rounds; round++)
      ratios[(uint32_t)item * options.rounds + round] = all[item].costs[round] / all[0].costs[round];
  for (int item = 0; item < ways; item++) {
    way = &all[item];
    bool floor = way->kind == XADD || way->kind == COMMANDS || strncmp(way->name, "floor", 5) == 0;
    if (!floor) check_histories();
    if (!floor && way->batch == 0) check_promises();
    printf("%s\t%.2f\t%.2f\t%.3f\n", way->name, quantile(way->costs, 0.5), quantile(way->costs, 0.25),
           quantile(&ratios[(uint32_t)item * options.rounds], 0.5));
  }
  return 0;
}
