// A hex dump of the request body, in C
// shows: read() until it says 0; bytes may come in pieces of any size, and any byte may be among them
// §: RFC 3875 §4.2
// try: cd cgi-bin && cc -O2 -o echo.cgi echo.c && curl --data-binary @echo.cgi localhost:8000/cgi-bin/echo.cgi | head
#include <stdio.h>

int main(void) {
  unsigned char row[16];
  size_t n;
  unsigned long offset = 0;

  printf("Content-Type: text/plain\r\n\r\n");
  while ((n = fread(row, 1, sizeof row, stdin)) > 0) {
    printf("%08lx ", offset);
    for (size_t i = 0; i < sizeof row; i++)
      if (i < n) printf(" %02x", row[i]);
      else printf("   ");
    printf("  ");
    for (size_t i = 0; i < n; i++) putchar(row[i] >= ' ' && row[i] <= '~' ? row[i] : '.');
    putchar('\n');
    offset += n;
  }
  printf("%lu bytes\n", offset);
  return 0;
}
