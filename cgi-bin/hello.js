#!/usr/bin/env node
// Hello from Node
// shows: an engine made to run for months, started for one line; see in the log what that costs
// §: RFC 3875 §6.2.1
// try: curl -i localhost:8000/cgi-bin/hello.js
console.log('Content-Type: text/plain; charset=utf-8');
console.log();
console.log(`Hello from Node, process ${process.pid}.`);
