/*
 * What raw.c and closing.c share: workers that do one request after the other and time each of them. Every worker is a process, so
 * that they share nothing but the kernel. The result is one line of JSON; own_us is the workers' CPU, children left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { workers_max = 256, samples_max = 1 << 18 };

struct tally {
  uint64_t own_us;
  uint32_t requests;
  uint32_t errors;
  uint32_t samples;
  uint32_t us[samples_max];
};

static char piece[65536];

static void fail(const char *what, int error) {
  fprintf(stderr, "%s: %s\n", what, error ? strerror(error) : "not as expected");
  _exit(1);
}

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t micros(struct timeval t) { return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec; }

static int by_size(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

enum outcome { answered, failed };
/* What becomes of the requests that run when the time is over. */
enum ending { finish, interrupt };

static void on_alarm(int signal) { (void)signal; }

/* From the end on, every call that blocks fails with EINTR; again and again, because one may begin just after a signal. */
static void interrupt_after(unsigned seconds) {
  const struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval timer = {.it_value = {.tv_sec = seconds}, .it_interval = {.tv_usec = 10000}};
  setitimer(ITIMER_REAL, &timer, NULL);
}

/* The exit code: 0 when every worker came to its end. */
static int work_and_report(int workers, unsigned seconds, enum ending ending, enum outcome (*request)(void)) {
  if (workers < 1 || workers > workers_max || seconds < 1) fail("workers, seconds", EINVAL);
  struct tally *tallies =
      mmap(NULL, sizeof *tallies * (size_t)workers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (tallies == MAP_FAILED) fail("mmap", errno);
  const uint64_t began_us = now_us(), until_us = began_us + (uint64_t)seconds * 1000000;
  for (int i = 0; i < workers; i++) {
    const pid_t pid = fork();
    if (pid < 0) fail("fork", errno);
    if (pid > 0) continue;
    if (ending == interrupt) interrupt_after(seconds);
    struct tally *tally = &tallies[i];
    while (tally->samples < samples_max) {
      const uint64_t at_us = now_us();
      if (at_us >= until_us) break;
      const enum outcome outcome = request();
      const uint64_t done_us = now_us();
      const int interrupted = outcome == failed && done_us >= until_us;
      if (outcome == failed && !interrupted) {
        tally->errors++;
        continue;
      }
      /* Who was still waiting at the end has waited at least so long: without them a server that lets most clients hang looks quick. */
      tally->us[tally->samples++] = (uint32_t)(done_us - at_us);
      if (!interrupted) tally->requests++;
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    tally->own_us = micros(use.ru_utime) + micros(use.ru_stime);
    _exit(0);
  }
  int bad = 0, status;
  for (int i = 0; i < workers; i++) bad |= wait(&status) < 0 || status != 0;
  if (bad) return 1;
  const double took_s = (double)(now_us() - began_us) / 1e6;

  uint64_t own_us = 0, requests = 0, errors = 0, samples = 0, n = 0;
  for (int i = 0; i < workers; i++) {
    own_us += tallies[i].own_us;
    requests += tallies[i].requests;
    errors += tallies[i].errors;
    samples += tallies[i].samples;
  }
  uint32_t *all = malloc(sizeof *all * (samples + 1));
  if (!all) fail("malloc", errno);
  for (int i = 0; i < workers; i++)
    for (uint32_t k = 0; k < tallies[i].samples; k++) all[n++] = tallies[i].us[k];
  qsort(all, n, sizeof *all, by_size);
  printf("{\"requests\":%lu,\"seconds\":%.6f,\"p99_us\":%u,\"own_us\":%lu,\"read\":%lu}\n", (unsigned long)requests, took_s,
         n ? all[n * 99 / 100] : 0, (unsigned long)own_us, (unsigned long)errors);
  return 0;
}
