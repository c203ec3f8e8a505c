<?php
// What PHP sees
// shows: php-cgi is an interpreter like any other: no #! line, no executable bit, but --interpreter .php=php-cgi
// §: RFC 3875 §4.1
// try: curl 'localhost:8000/cgi-bin/info.php/extra/path?a=1'
header('Content-Type: text/plain; charset=utf-8');
header('X-Content-Type-Options: nosniff');
echo 'PHP ', PHP_VERSION, ' (', PHP_SAPI, '), process ', getmypid(), "\n\n";
$seen = array_filter($_SERVER, 'is_string');
ksort($seen);
foreach ($seen as $name => $value) echo $name, '=', $value, "\n";
