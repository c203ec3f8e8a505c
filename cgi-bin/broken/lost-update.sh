#!/bin/sh
# Mistake: two that read, two that write, one visit lost
# shows: between reading and writing another process does the same; visits.pl takes turns instead
# §: RFC 3875 §9.7
# try: for i in 1 2 3 4 5; do curl -s localhost:8000/cgi-bin/broken/lost-update.sh & done; wait
# Kept beside the script directory, where no URL leads; EXERCISE_DATA names another place.
data=${EXERCISE_DATA:-../../data}
mkdir -p "$data"
visits=$(cat "$data/visits-without-lock" 2>/dev/null)
sleep 1 # so that you need not be quick; without it the loss is rare, and worse to find
visits=$((${visits:-0} + 1))
echo "$visits" >"$data/visits-without-lock"
printf 'Content-Type: text/plain\nCache-Control: no-store\n\nVisit number %s.\n' "$visits"
