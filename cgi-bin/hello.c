// Hello from C
// shows: a compiled program has nothing to load: the price of a bare process
// §: RFC 3875 §6.2.1
// try: cd cgi-bin && cc -O2 -o hello.cgi hello.c && curl -i localhost:8000/cgi-bin/hello.cgi
#include <stdio.h>
#include <unistd.h>

int main(void) {
  printf("Content-Type: text/plain; charset=utf-8\n\n");
  printf("Hello from C, process %ld.\n", (long)getpid());
  return 0;
}
