// What the driver's parts share: errors, time, and what the kernel knows of other processes.

#pragma once

#include <dirent.h>
#include <errno.h>
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
  fputs("driver: ", stderr);
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

// The CPU time of all threads of a process, in nanoseconds. Threads that have ended are not in it.
static inline uint64_t cpu_of(int process) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task", process);
  DIR *tasks = opendir(path);
  if (tasks == NULL) die("process %d: %s", process, strerror(errno));
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
  if (total == 0) die("this kernel has no schedstat");
  return total;
}

// Resident memory of a process, in bytes.
static inline uint64_t resident_of(int process) {
  char path[64], line[256];
  unsigned long long kilobytes = 0;
  snprintf(path, sizeof(path), "/proc/%d/status", process);
  FILE *file = fopen(path, "r");
  if (file == NULL) die("process %d: %s", process, strerror(errno));
  while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "VmRSS: %llu", &kilobytes) != 1) {
  }
  fclose(file);
  return kilobytes * 1024;
}
