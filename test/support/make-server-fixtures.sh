#!/bin/bash
# make-server-fixtures.sh DIRECTORY - the server root and the server image in DIRECTORY (server.tar, server/), unless
# they are there already. Runs that start at the same time wait for each other.
# Needs root and: apt-get install -y mmdebstrap umoci attr libcap2-bin
set -euo pipefail
[[ $# == 1 ]] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")") directory=$1
mkdir -p "$directory"
exec 9> "$directory/lock"
flock 9
if [[ ! -f $directory/server.tar ]]; then
  bash "$here/make-server-root.sh" "$directory/server.tar.part" >&2
  mv "$directory/server.tar.part" "$directory/server.tar"
fi
if [[ ! -d $directory/server ]]; then
  rm -rf "$directory/server.part"
  bash "$here/make-server-image.sh" "$directory/server.tar" "$directory/server.part" >&2
  mv "$directory/server.part" "$directory/server"
fi
