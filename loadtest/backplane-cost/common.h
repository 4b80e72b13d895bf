// What readers.c and publish.c share: errors, time, CPU accounting, and commands in RESP.

#pragma once

#include <dirent.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t SECOND = 1000000000;

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", program_invocation_short_name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static inline void *zeroed(size_t count, size_t size) {
  void *result = calloc(count, size);
  if (result == NULL) die("out of memory");
  return result;
}

static inline uint64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static inline uint64_t next_random(void) {
  static uint64_t state = 0x9E3779B97F4A7C15;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// The CPU time of all threads of a process, in nanoseconds.
static inline uint64_t cpu_of(int process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", process);
  DIR *directory = opendir(path);
  if (directory == NULL) die("process %d: %s", process, strerror(errno));
  uint64_t total = 0;
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    char file[512];
    snprintf(file, sizeof file, "%s/%s/schedstat", path, entry->d_name);
    FILE *stream = fopen(file, "r");
    if (stream == NULL) continue;
    unsigned long long spent;
    if (fscanf(stream, "%llu", &spent) != 1) die("cannot read %s", file);
    total += spent;
    fclose(stream);
  }
  closedir(directory);
  return total;
}

static inline double number_of(const char *text, const char *option) {
  char *rest;
  double value = strtod(text, &rest);
  if (rest == text || *rest != 0 || value < 0) die("--%s: not a number: %s", option, text);
  return value;
}

static inline char *text_of_file(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("%s: %s", path, strerror(errno));
  char *text = zeroed(1, 65536);
  size_t length = fread(text, 1, 65535, file);
  fclose(file);
  if (length == 65535) die("%s: too long", path);
  return text;
}

// MARK: Asking and waiting, to set things up

static inline redisContext *dial(int port) {
  redisContext *context = redisConnect("127.0.0.1", port);
  if (context == NULL || context->err) die("cannot connect: %s", context ? context->errstr : "out of memory");
  return context;
}

static inline redisReply *ask(redisContext *context, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  redisReply *reply = redisvCommand(context, format, arguments);
  va_end(arguments);
  if (reply == NULL) die("%s: %s", format, context->errstr);
  if (reply->type == REDIS_REPLY_ERROR) die("%s: %s", format, reply->str);
  return reply;
}

// MARK: Commands, to be sent together

struct commands {
  char *bytes;
  size_t length, capacity;
};

static inline void put(struct commands *commands, const char *bytes, size_t length) {
  if (commands->length + length > commands->capacity) {
    commands->capacity = (commands->length + length) * 2;
    commands->bytes = realloc(commands->bytes, commands->capacity);
    if (commands->bytes == NULL) die("out of memory");
  }
  memcpy(commands->bytes + commands->length, bytes, length);
  commands->length += length;
}

static inline void put_count(struct commands *commands, int arguments) {
  char head[24];
  put(commands, head, (size_t)snprintf(head, sizeof head, "*%d\r\n", arguments));
}

static inline void put_bytes(struct commands *commands, const char *bytes, size_t length) {
  char head[24];
  put(commands, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", length));
  put(commands, bytes, length);
  put(commands, "\r\n", 2);
}

__attribute__((format(printf, 2, 3)))
static inline void put_text(struct commands *commands, const char *format, ...) {
  char text[128];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_bytes(commands, text, (size_t)length);
}

// Puts the words of `text`, which are parted by single spaces, as one command.
static inline void put_words(struct commands *commands, const char *text) {
  int count = 1;
  for (const char *at = text; *at != 0; at++) count += *at == ' ';
  put_count(commands, count);
  while (count-- > 0) {
    size_t length = strcspn(text, " ");
    put_bytes(commands, text, length);
    text += length + 1;
  }
}
