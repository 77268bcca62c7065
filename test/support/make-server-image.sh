#!/bin/bash
# make-server-image.sh ROOT.tar LAYOUT - a server root as an image of four gzip layers (tag "server"), made with umoci
# out of snapshots of a directory, as any builder would: whiteouts, a directory replaced by another, a file replaced
# by a directory, changed metadata, hard links to files of lower layers, user xattrs and file capabilities.
# Needs root and: apt-get install -y umoci attr libcap2-bin
set -euo pipefail
[[ $# == 2 ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root_tar=$(realpath "$1") layout=$2
work=$(mktemp -d -p "$(dirname "$layout")"); trap 'rm -rf "$work"' EXIT
stamp='@1780000000'
kernel=(--wildcards './boot/*' './usr/lib/modules/*')
extract() { tar -C "$work/bundle/rootfs" --xattrs --xattrs-include='*' --numeric-owner -xpf "$root_tar" "$@"; }
snapshot() { umoci repack --refresh-bundle --image "$layout:server" "$work/bundle"; }

umoci init --layout "$layout"
umoci new --image "$layout:server"
umoci unpack --image "$layout:server" "$work/bundle"
r=$work/bundle/rootfs

extract --exclude='./boot/*' --exclude='./usr/lib/modules/*'
snapshot
extract "${kernel[@]}"
snapshot
# Clean-up: whiteouts for files and whole directories
rm -rf "$r/usr/share/man" "$r/var/cache/apt/archives" "$r"/usr/share/doc/git "$r/usr/share/locale/de"
rm -f "$r/usr/bin/perlbug" "$r/var/log/dpkg.log"
# A directory that is not the one it was, a file that becomes a directory, a directory that becomes a symlink
rm -rf "$r/etc/nginx"; mkdir "$r/etc/nginx"; echo 'events {}' > "$r/etc/nginx/nginx.conf"
rm -f "$r/etc/motd"; mkdir -p "$r/etc/motd"; echo hello > "$r/etc/motd/10-hello"
rm -rf "$r/usr/share/vim"; ln -s /usr/share/doc "$r/usr/share/vim"
chmod 2775 "$r/srv"; chown 100:4 "$r/srv"; touch -d "$stamp" "$r/srv"
snapshot
# Local additions: hard links to lower files, attributes, capabilities, odd names, a large sparse-looking file
ln "$r/usr/bin/python3.11" "$r/usr/bin/python-linked"
mkdir -p "$r/opt/app/data"; head -c 3000000 /dev/zero > "$r/opt/app/data/zeros"
cp "$r/usr/bin/jq" "$r/opt/app/jq"; ln "$r/opt/app/jq" "$r/opt/app/jq-again"
setfattr -n user.component -v app "$r/opt/app"; setfattr -n user.binary -v 0x00ff80c328 "$r/opt/app/jq"
setcap cap_net_bind_service+ep "$r/opt/app/jq"
printf 'x' > "$r/opt/app/$(printf 'latin1-\351-name')"; printf 'y' > "$r/opt/app/$(printf 'caf\303\251')"
mkfifo "$r/opt/app/queue"; mknod "$r/opt/app/null" c 1 3
snapshot
umoci config --image "$layout:server" --config.entrypoint /sbin/init --config.label containers.bootc=1
umoci gc --layout "$layout"
