/* 1 MiB of `x`, in pieces as large as a pipe. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static char piece[65536];

static int put(const char *from, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = write(1, from, bytes);
    if (n < 0) return 1;
    from += n;
    bytes -= (size_t)n;
  }
  return 0;
}

int main(void) {
  static const char head[] = "Content-Type: application/octet-stream\n\n";
  memset(piece, 'x', sizeof piece);
  if (put(head, sizeof head - 1)) return 1;
  for (int i = 0; i < 16; i++)
    if (put(piece, sizeof piece)) return 1;
  return 0;
}
