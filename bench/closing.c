/*
 * The load for servers that end every answer by closing the connection. wrk counts each such end as a read error and opens a
 * second connection in vain, which a server that forks for connections would pay for.
 * `closing SECONDS CONNECTIONS PORT PATH UPLOAD_BYTES BODY_BYTES`: an answer is a 200 whose body has exactly so many bytes.
 */
#include "workers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct sockaddr_in where;
static char head[1024];
static long upload_bytes, body_bytes;

static int put(int fd, const char *from, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = send(fd, from, bytes, MSG_NOSIGNAL);
    if (n < 0) return -1;
    from += n;
    bytes -= (size_t)n;
  }
  return 0;
}

/* How far into `bytes` the body begins; 0: not there yet. Scripts end lines with LF, servers with CRLF. */
static size_t body_at(const char *from, size_t bytes) {
  for (size_t i = 0; i + 1 < bytes; i++) {
    if (from[i] != '\n') continue;
    if (from[i + 1] == '\n') return i + 2;
    if (i + 2 < bytes && from[i + 1] == '\r' && from[i + 2] == '\n') return i + 3;
  }
  return 0;
}

static enum outcome talk(int fd) {
  if (connect(fd, (struct sockaddr *)&where, sizeof where)) return failed;
  if (put(fd, head, strlen(head))) return failed;
  for (long left = upload_bytes; left > 0; left -= (long)sizeof piece) {
    if (put(fd, piece, left < (long)sizeof piece ? (size_t)left : sizeof piece)) return failed;
  }
  size_t held = 0, begin = 0;
  long body = 0;
  for (;;) {
    const ssize_t n = recv(fd, piece + held, sizeof piece - held, 0);
    if (n < 0) return failed;
    if (n == 0) return begin > 0 && body == body_bytes ? answered : failed;
    if (begin > 0) {
      body += n;
      continue;
    }
    held += (size_t)n;
    begin = body_at(piece, held);
    if (begin > 0) {
      if (held < 12 || memcmp(piece + 8, " 200", 4) != 0) return failed;
      body = (long)(held - begin);
      held = 0;
    } else if (held == sizeof piece) return failed;
  }
}

static enum outcome request(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket", errno);
  const enum outcome outcome = talk(fd);
  close(fd);
  return outcome;
}

int main(int count, char **words) {
  if (count != 7) fail("usage: closing SECONDS CONNECTIONS PORT PATH UPLOAD_BYTES BODY_BYTES", EINVAL);
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons((uint16_t)atoi(words[3]));
  upload_bytes = atol(words[5]);
  body_bytes = atol(words[6]);
  int length = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n", upload_bytes ? "POST" : "GET", words[4], words[3]);
  if (upload_bytes) length += snprintf(head + length, sizeof head - (size_t)length, "Content-Length: %ld\r\n", upload_bytes);
  snprintf(head + length, sizeof head - (size_t)length, "\r\n");
  return work_and_report(atoi(words[2]), (unsigned)atoi(words[1]), interrupt, request);
}
