// The adder in C, as systems courses teach it
// shows: getenv() is all the input there is for a GET; count the body and Content-Length is right
// §: RFC 3875 §4.1.7, §6.3.4
// try: cd cgi-bin && cc -O2 -o adder.cgi adder.c && curl -i 'localhost:8000/cgi-bin/adder.cgi?15000&213'
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const char *query = getenv("QUERY_STRING");
  char body[200];
  int a, b, end = 0;

  if (!query || sscanf(query, "%9d&%9d%n", &a, &b, &end) != 2 || query[end] != '\0') {
    printf("Status: 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nAsk for two numbers: adder.cgi?15000&213\n");
    return 0;
  }
  int bytes = snprintf(body, sizeof body, "Welcome to add.com\nThe answer is: %d + %d = %d\nThanks for visiting!\n", a, b, a + b);
  printf("Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", bytes, body);
  return 0;
}
