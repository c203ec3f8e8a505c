#!/usr/bin/awk -f
# Hello from awk
# shows: any program that can print can answer; ENVIRON holds what the server says about the request
# §: RFC 3875 §4.1, §6.2.1
# try: curl -i localhost:8000/cgi-bin/hello.awk
BEGIN {
  print "Content-Type: text/plain; charset=utf-8\n"
  print "Hello from awk. You asked from " ENVIRON["REMOTE_ADDR"] "."
}
