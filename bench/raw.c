/*
 * The limit no CGI host can pass on this machine: posix_spawn with an output pipe, read to the end, wait. No HTTP, no look at
 * what came. `raw SECONDS WORKERS UPLOAD_BYTES PROGRAM`: as many at once as there are workers.
 */
#include "workers.h"

#include <fcntl.h>
#include <spawn.h>

/* A request's worth of variables: the kernel copies them at each exec. */
static char *variables[] = {
    "GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "SERVER_SOFTWARE=raw", "SERVER_NAME=127.0.0.1", "SERVER_PORT=8000",
    "REQUEST_METHOD=GET", "REQUEST_URI=/cgi-bin/program", "SCRIPT_NAME=/cgi-bin/program", "SCRIPT_FILENAME=/srv/cgi-bin/program",
    "DOCUMENT_ROOT=/srv/public", "QUERY_STRING=", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=40000", "REQUEST_SCHEME=http",
    "HTTP_HOST=127.0.0.1:8000", "PATH=/usr/local/bin:/usr/bin:/bin", NULL, NULL};

static char *program;
static long upload_bytes;
static int nothing;
static long usual = -1;

static enum outcome request(void) {
  int out[2], in[2] = {-1, -1};
  if (pipe2(out, O_CLOEXEC) || (upload_bytes > 0 && pipe2(in, O_CLOEXEC))) fail("pipe", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, upload_bytes > 0 ? in[0] : nothing, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  char *const arguments[] = {program, NULL};
  pid_t pid;
  const int error = posix_spawn(&pid, program, &actions, NULL, arguments, variables);
  if (error) fail(program, error);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  if (upload_bytes > 0) {
    close(in[0]);
    for (long left = upload_bytes; left > 0;) {
      const ssize_t n = write(in[1], piece, left < (long)sizeof piece ? (size_t)left : sizeof piece);
      if (n < 0) fail("write", errno);
      left -= n;
    }
    close(in[1]);
  }
  long bytes = 0;
  for (;;) {
    const ssize_t n = read(out[0], piece, sizeof piece);
    if (n < 0) fail("read", errno);
    if (n == 0) break;
    bytes += n;
  }
  close(out[0]);
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) fail("the program's exit", 0);
  if (usual >= 0 && bytes != usual) fail("the length of its output", 0);
  usual = bytes;
  return answered;
}

int main(int count, char **words) {
  if (count != 5) fail("usage: raw SECONDS WORKERS UPLOAD_BYTES PROGRAM", EINVAL);
  upload_bytes = atol(words[3]);
  program = words[4];
  nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  char length[64];
  if (upload_bytes > 0) {
    snprintf(length, sizeof length, "CONTENT_LENGTH=%ld", upload_bytes);
    variables[sizeof variables / sizeof *variables - 2] = length;
  }
  return work_and_report(atoi(words[2]), (unsigned)atoi(words[1]), finish, request);
}
