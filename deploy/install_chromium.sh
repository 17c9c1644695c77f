#!/bin/sh
# The browser tests drive the system's Chromium. Where there is none, take Debian's.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "No Chromium here and no apt-get to install it: install Chromium, then run this again." >&2
    exit 1
fi
echo "Installing Chromium for the browser tests …"
run=""
[ "$(id -u)" = 0 ] || run="sudo"
$run apt-get update -qq
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
