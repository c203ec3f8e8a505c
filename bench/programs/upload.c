/*
 * Reads its body and answers how many bytes it had. RFC 3875 §4.2 promises CONTENT_LENGTH bytes and no end of file after them,
 * so that many are read, or fewer where the end comes first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char piece[65536];

int main(void) {
  const char *announced = getenv("CONTENT_LENGTH");
  const long bytes = announced ? atol(announced) : -1;
  long seen = 0;
  while (bytes < 0 || seen < bytes) {
    const ssize_t n = read(0, piece, sizeof piece);
    if (n < 0) return 1;
    if (n == 0) break;
    seen += n;
  }
  printf("Content-Type: text/plain\n\n%ld\n", seen);
  return 0;
}
