#!/bin/sh
# assemble.sh OUTPUT SERVER PASSWD GROUP: the root folder of the sandbox image.
set -eu
rm -rf "$1"
mkdir -p "$1/dev" "$1/etc" "$1/proc" "$1/sys" "$1/tmp"
chmod 1777 "$1/tmp"
cp "$2" "$1/server"
strip "$1/server"
cp "$3" "$1/etc/passwd"
cp "$4" "$1/etc/group"
touch "$1"
