// Stands for a gateway towards presence: reports joins and leaves as fast as the aggregators take them.
//
// usage: reporter --port=PORT --script=FILE [--shards=16] [--backlog=32]
//
// FILE is the script by which gateways report. The reporter registers itself in every shard and renews its lease until
// its input ends. It takes one command per line:
//
//   join FIRST COUNT GROUPS BATCH users|anonymous
//   leave FIRST COUNT GROUPS BATCH users|anonymous
//
// for the users FIRST … FIRST + COUNT - 1, of whom user i is in group i % GROUPS, so that those who join one after the
// other are in different groups. As gateways do, it reports each to the shard of the group and to that of the user's
// home, at most BATCH operations in a report. At most `backlog` reports of a shard wait to be applied. The answer is a
// line `SECONDS REPORTS`, when everything is applied.

#include "../backplane-cost/common.h"

#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

enum { MAXIMUM_SHARDS = 1024, SLOTS = 16384, MAXIMUM_REPORTS = 10000, REPORTS_PER_TURN = 8 };

static const uint64_t RENEWAL_INTERVAL = 2 * SECOND;
static const char META[] = "{\"page\":\"board\"}";
static const char ORIGIN[] =
  "{\"ip\":\"203.0.113.7\",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"}";

struct shard {
  char tag[12];
  struct commands lines;
  uint32_t operations;
  uint64_t sent, applied;  // sequences
  long long renewals;
};

static struct {
  int port;
  uint32_t shards, backlog;
  const char *script;
} options = {.shards = 16, .backlog = 32};

static redisContext *context;
// As long as those of gateways: aggregators keep them.
static char node[11], gateway[28], sha[41];
static struct shard shards[MAXIMUM_SHARDS];
static uint64_t next_renewal, reports;

// MARK: Shards, as in ShardMap

static uint32_t slot_of(const char *tag) {
  uint16_t crc = 0;
  for (; *tag != 0; tag++) {
    crc ^= (uint16_t)((unsigned char)*tag << 8);
    for (int bit = 0; bit < 8; bit++) crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
  }
  return crc % SLOTS;
}

static void name_shards(void) {
  int tolerance = SLOTS / (int)options.shards / 16;
  if (tolerance < 1) tolerance = 1;
  for (uint32_t missing = options.shards, candidate = 0; missing > 0; candidate++) {
    char tag[12];
    snprintf(tag, sizeof tag, "%u", candidate);
    uint32_t slot = slot_of(tag), number = slot * options.shards / SLOTS;
    uint32_t middle = (2 * number + 1) * SLOTS / (2 * options.shards);
    if (shards[number].tag[0] != 0 || abs((int)slot - (int)middle) > tolerance) continue;
    memcpy(shards[number].tag, tag, sizeof tag);
    missing--;
  }
}

static struct shard *shard_of(const char *text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *text != 0; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
  return &shards[hash % options.shards];
}

// MARK: Redis

static redisReply *next_reply(void) {
  void *reply;
  if (redisGetReply(context, &reply) != REDIS_OK) die("%s", context->errstr);
  redisReply *result = reply;
  if (result->type == REDIS_REPLY_ERROR) die("%s", result->str);
  return result;
}

static void renew(void) {
  if (clock_now() < next_renewal) return;
  next_renewal = clock_now() + RENEWAL_INTERVAL;
  for (uint32_t index = 0; index < options.shards; index++)
    redisAppendCommand(context, "HINCRBY martlet:{%s}:presence:gateways %s 1", shards[index].tag, gateway);
  for (uint32_t index = 0; index < options.shards; index++) {
    redisReply *reply = next_reply();
    // An aggregator that has taken us for dead, or misses a report, has removed the registration.
    if (reply->integer != ++shards[index].renewals) die("shard %u has forgotten us", index);
    freeReplyObject(reply);
  }
}

static void see_what_is_applied(void) {
  for (uint32_t index = 0; index < options.shards; index++)
    redisAppendCommand(context, "HGET martlet:{%s}:presence:sequences %s", shards[index].tag, gateway);
  for (uint32_t index = 0; index < options.shards; index++) {
    redisReply *reply = next_reply();
    if (reply->type == REDIS_REPLY_STRING) shards[index].applied = strtoull(reply->str, NULL, 10);
    freeReplyObject(reply);
  }
}

// Appends the report to what is sent next.
static void report(struct shard *shard) {
  char key[64], sequence[24], maximum[24];
  snprintf(key, sizeof key, "martlet:{%s}:presence:reports", shard->tag);
  snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)++shard->sent);
  snprintf(maximum, sizeof maximum, "%d", MAXIMUM_REPORTS);
  const char *words[] = {"EVALSHA", sha, "1", key, maximum, gateway, sequence, "o", shard->lines.bytes};
  size_t lengths[sizeof words / sizeof *words];
  for (size_t index = 0; index + 1 < sizeof words / sizeof *words; index++) lengths[index] = strlen(words[index]);
  lengths[sizeof words / sizeof *words - 1] = shard->lines.length;
  if (redisAppendCommandArgv(context, sizeof words / sizeof *words, words, lengths) != REDIS_OK)
    die("%s", context->errstr);
  shard->lines.length = 0;
  shard->operations = 0;
  reports++;
}

static void expect_reports_taken(uint32_t count) {
  while (count-- > 0) {
    redisReply *reply = next_reply();
    if (reply->integer != 1) die("a report was refused");
    freeReplyObject(reply);
  }
}

// MARK: Operations

struct work {
  bool isJoin, isAnonymous;
  uint64_t first, count, groups, batch;
};

static void add(struct shard *shard, const char *line, size_t length, bool *isFull, uint64_t batch) {
  put(&shard->lines, line, length);
  if (++shard->operations >= batch) *isFull = true;
}

// `NODE-NUMBER`, the number to base 36.
static void name_connection(char *text, uint64_t number) {
  char digits[16];
  size_t at = sizeof digits;
  digits[--at] = 0;
  do digits[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
  while ((number /= 36) > 0);
  sprintf(text, "%s-%s", node, digits + at);
}

// Whether a report became full: then it must be sent before the next user is added.
static bool add_user(const struct work *work, uint64_t number) {
  char group[32], connection[32], user[48], line[512];
  snprintf(group, sizeof group, "board_%llu", (unsigned long long)(number % work->groups));
  name_connection(connection, number);
  if (work->isAnonymous)
    snprintf(user, sizeof user, "anonymous:%s", connection);
  else
    snprintf(user, sizeof user, "user-%08llu", (unsigned long long)number);
  int length = work->isJoin
    ? snprintf(line, sizeof line, "+\t%s\t%s\t{\"id\":\"%s\",\"name\":\"User %llu\"}\t%s\t%s\n", group, connection, user,
               (unsigned long long)number, META, ORIGIN)
    : snprintf(line, sizeof line, "-\t%s\t%s\n", group, connection);
  bool isFull = false;
  struct shard *roster = shard_of(group), *home = work->isAnonymous ? roster : shard_of(user);
  add(roster, line, (size_t)length, &isFull, work->batch);
  if (home != roster) add(home, line, (size_t)length, &isFull, work->batch);
  return isFull;
}

static bool is_blocked(void) {
  for (uint32_t index = 0; index < options.shards; index++)
    if (shards[index].sent - shards[index].applied >= options.backlog) return true;
  return false;
}

static bool is_everything_applied(void) {
  for (uint32_t index = 0; index < options.shards; index++)
    if (shards[index].sent != shards[index].applied) return false;
  return true;
}

static uint32_t send_reports(uint64_t batch) {
  uint32_t count = 0;
  for (uint32_t index = 0; index < options.shards; index++)
    if (shards[index].operations >= batch) {
      report(&shards[index]);
      count++;
    }
  return count;
}

static void perform(const struct work *work) {
  uint64_t start = clock_now(), done = 0;
  reports = 0;
  while (done < work->count) {
    uint32_t sent = 0;
    while (done < work->count && sent < REPORTS_PER_TURN && !is_blocked())
      if (add_user(work, work->first + done++)) sent += send_reports(work->batch);
    expect_reports_taken(sent);
    if (sent == 0) usleep(3000);
    see_what_is_applied();
    renew();
  }
  expect_reports_taken(send_reports(1));
  while (see_what_is_applied(), !is_everything_applied()) {
    usleep(3000);
    renew();
  }
  printf("%.6f %llu\n", (double)(clock_now() - start) / (double)SECOND, (unsigned long long)reports);
  fflush(stdout);
}

static struct work work_of(const char *line) {
  char verb[8], kind[12];
  unsigned long long first, count, groups, batch;
  if (sscanf(line, "%7s %llu %llu %llu %llu %11s", verb, &first, &count, &groups, &batch, kind) != 6 || groups == 0 ||
      batch == 0)
    die("not a command: %s", line);
  return (struct work){
    .isJoin = strcmp(verb, "join") == 0, .isAnonymous = strcmp(kind, "anonymous") == 0,
    .first = first, .count = count, .groups = groups, .batch = batch,
  };
}

int main(int count, char **arguments) {
  enum { PORT, SCRIPT, SHARDS, BACKLOG };
  static const struct option known[] = {
    {"port", required_argument, NULL, PORT},       {"script", required_argument, NULL, SCRIPT},
    {"shards", required_argument, NULL, SHARDS},   {"backlog", required_argument, NULL, BACKLOG},
    {NULL, 0, NULL, 0},
  };
  int option, index = 0;
  while ((option = getopt_long(count, arguments, "", known, &index)) != -1) {
    switch (option) {
    case PORT: options.port = (int)number_of(optarg, known[index].name); break;
    case SCRIPT: options.script = optarg; break;
    case SHARDS: options.shards = (uint32_t)number_of(optarg, known[index].name); break;
    case BACKLOG: options.backlog = (uint32_t)number_of(optarg, known[index].name); break;
    default: exit(2);
    }
  }
  if (options.port == 0 || options.script == NULL) die("--port and --script are needed");
  if (options.shards == 0 || options.shards > MAXIMUM_SHARDS) die("--shards: from 1 to %d", MAXIMUM_SHARDS);
  name_shards();
  unsigned long long name = clock_now() & 0xfffffffff;
  snprintf(node, sizeof node, "g%09llx", name);
  snprintf(gateway, sizeof gateway, "%s-%016llx", node, name);
  context = dial(options.port);
  redisReply *reply = ask(context, "SCRIPT LOAD %s", text_of_file(options.script));
  snprintf(sha, sizeof sha, "%s", reply->str);
  freeReplyObject(reply);
  for (;;) {
    renew();
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, 500) == 0) continue;
    // One command at a time: the next one comes after the answer.
    char line[128];
    ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
    if (length <= 0) return 0;
    line[length] = 0;
    struct work work = work_of(line);
    perform(&work);
  }
}
