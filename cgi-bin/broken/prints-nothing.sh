#!/bin/sh
# Mistake: silence
# shows: exit 0 and not one byte: there is no answer to send: 502
# §: RFC 3875 §6.2
# try: curl -i localhost:8000/cgi-bin/broken/prints-nothing.sh
message='Hello'
