/* What the kernel alone takes for a delivery: send() on one thread, recv() on another, over loopback TCP.
 *
 * usage: floor DELIVERIES-PER-READ
 *
 * 1,000 connections. The sender sends so many messages of 200 bytes to each, one send() each; then the receiver waits in epoll
 * and reads each connection once or more, and so on by turns, so that neither disturbs the other. Prints the CPU microseconds
 * of both threads per delivery, separated by a tab.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { CONNECTIONS = 1000, BYTES = 200, DELIVERIES = 400 };

static int senders[CONNECTIONS], receivers[CONNECTIONS];
static int per_read, rounds;
static sem_t sent, received;

static void check(int holds, const char *what) {
  if (!holds) {
    perror(what);
    exit(1);
  }
}

static double cpu_microseconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void *send_all(void *cpu) {
  char message[BYTES] = {0};
  double begin = cpu_microseconds();
  for (int round = 0; round < rounds; round++) {
    for (int count = 0; count < per_read; count++)
      for (int index = 0; index < CONNECTIONS; index++)
        check(send(senders[index], message, BYTES, MSG_NOSIGNAL) == BYTES, "send");
    sem_post(&sent);
    sem_wait(&received);
  }
  *(double *)cpu = cpu_microseconds() - begin;
  return NULL;
}

static void receive_all(int epoll) {
  static char buffer[65536];
  struct epoll_event events[256];
  for (int round = 0; round < rounds; round++) {
    sem_wait(&sent);
    for (long missing = (long)CONNECTIONS * per_read * BYTES; missing > 0;) {
      int count = epoll_wait(epoll, events, 256, -1);
      for (int index = 0; index < count; index++) {
        ssize_t got = recv(receivers[events[index].data.u32], buffer, sizeof buffer, 0);
        check(got > 0, "recv");
        missing -= got;
      }
    }
    sem_post(&received);
  }
}

int main(int argc, char **argv) {
  per_read = argc == 2 ? atoi(argv[1]) : 0;
  if (per_read < 1 || per_read > DELIVERIES) {
    fprintf(stderr, "usage: floor DELIVERIES-PER-READ, from 1 to %d\n", DELIVERIES);
    return 64;
  }
  rounds = DELIVERIES / per_read;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, epoll = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  check(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, CONNECTIONS) == 0, "listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  for (unsigned index = 0; index < CONNECTIONS; index++) {
    receivers[index] = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(receivers[index], (struct sockaddr *)&address, length) == 0, "connect");
    senders[index] = accept(listener, NULL, NULL);
    check(senders[index] >= 0, "accept");
    setsockopt(senders[index], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, receivers[index], &event) == 0, "epoll_ctl");
  }
  sem_init(&sent, 0, 0);
  sem_init(&received, 0, 0);

  pthread_t sender;
  double sending = 0, begin = cpu_microseconds();
  check(pthread_create(&sender, NULL, send_all, &sending) == 0, "pthread_create");
  receive_all(epoll);
  double receiving = cpu_microseconds() - begin, deliveries = (double)rounds * per_read * CONNECTIONS;
  pthread_join(sender, NULL);
  printf("%.2f\t%.2f\n", sending / deliveries, receiving / deliveries);
  return 0;
}
