#!/bin/sh
# What `npm run bench` runs beside us, on Debian and Ubuntu; about 600 MB, most of it Go. Nothing of it is started: the bench starts
# each program itself, on loopback, with a configuration of its own.
set -eu
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@"
export DEBIAN_FRONTEND=noninteractive
# Packages ask this file before they start a service (invoke-rc.d); 101 is "not allowed".
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get -q update
apt-get -q -y install --no-install-recommends \
  wrk gcc libc6-dev perl python3 lighttpd apache2 nginx fcgiwrap busybox golang-go caddy php-fpm uwsgi-core uwsgi-plugin-python3 \
  gunicorn python3-waitress
