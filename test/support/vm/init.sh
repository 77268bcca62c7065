#!/bin/busybox sh
# The first program of the test machine, in an initramfs that the tests write. What it has to say stands in lines that
# begin with "@ "; the last of them is "@ END". It mounts by digest or not at all, as the initramfs of a sealed host does.
/bin/busybox --install -s /bin
export PATH=/bin
say() { echo "@ $*"; }
told() { sed 's/^/@ /'; }

mkdir -p /proc /sys /dev /disk /new /printed /tmp /tools
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo 1 >/proc/sys/kernel/printk
while read -r module; do insmod "/modules/$module" || say "insmod $module failed"; done </modules/order
mount -t securityfs security /sys/kernel/security
mount -t efivarfs efivarfs /sys/firmware/efi/efivars 2>/dev/null

finish() {
  dmesg | sed 's/^\[[ 0-9.]*\] //' |
    grep -E 'verity|overlayfs:|erofs|secureboot|Lockdown|integrity: Loaded|panic' | sed 's/^/@ dmesg /'
  say END
  poweroff -f
}

# The byte after four of attributes tells.
secure_boot() {
  tail -c1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c 2>/dev/null | hexdump -e '1/1 "%d"'
}

find_disk() {
  for block in /sys/block/*; do
    [ "$(cat "$block/serial" 2>/dev/null)" = "$1" ] && echo "/dev/${block##*/}"
  done
}

# The signed command line is a prefix of what the kernel sees: the first composefs= counts, and another is an error.
wanted_digest() {
  wanted=
  for word in $(cat /proc/cmdline); do
    case $word in
      composefs=*)
        [ -z "$wanted" ] || [ "$wanted" = "${word#composefs=}" ] || { say "several digests"; return; }
        wanted=${word#composefs=} ;;
    esac
  done
}

# planish itself, from the disk of tools, with the other disk below /disk.
run_verbs() {
  mount -t ext4 "$(find_disk tools)" /tools || say "mounting the tools failed"
  mount -t ext4 "$disk" /tools/disk || say "mounting the disk failed"
  mount -t proc proc /tools/proc
  mount -t devtmpfs dev /tools/dev
  chroot /tools /bin/busybox --install -s /bin
  # A user namespace for mounts to show owners through; from inside a chroot none can be made.
  unshare -U sleep 10000 &
  sleep 1
  echo 0 100000 65536 >/proc/$!/uid_map
  echo 0 100000 65536 >/proc/$!/gid_map
  : >/tools/tmp/users
  mount --bind /proc/$!/ns/user /tools/tmp/users
  PATH=/bin chroot /tools /bin/node /verbs.mjs 2>&1 | told
  umount /tools/disk || say "unmounting the disk failed"
}

# Each line of the file is a file, a signature or "-", and what to do first: load a certificate, demand signatures, or "-".
signatures() {
  mount -t ext4 "$disk" /disk || say "mounting the disk failed"
  cd /disk/signatures || return
  while read -r file signature key; do
    case $key in
      -) ;;
      require) echo 1 >/proc/sys/fs/verity/require_signatures ;;
      *) tool key "$key" | told ;;
    esac
    if [ "$signature" = - ]; then tool enable sha256 "$file"; else tool enable sha256 "$file" "$signature"; fi | told
  done <order
  cd /
  umount /disk
}

probe() {
  case $1 in
    sha256) sum=$(sha256sum "/new$2" 2>&1) && say "sha256 $2 ${sum%% *}" || say "sha256 $2 ${sum##*: }" ;;
    xattr) tool xattr "$3" "/new$2" | told ;;
    link) say "link $2 $(readlink "/new$2")" ;;
    stat) say "stat $2 $(stat -c '%a %u:%g %Y' "/new$2")" ;;
    list) say "list $2 $(ls -A "/new$2" | tr '\n' ' ')" ;;
    write) sum=$(touch "/new$2" 2>&1); say "write $2 ${sum##*: }" ;;
    run) shift; say "run $* $(chroot /new "$@" 2>&1 | head -n 1)" ;;
  esac
}

start() {
  mount -t ext4 -o ro "$disk" /disk || say "mounting the disk failed"
  wanted_digest
  image=/disk/composefs/images/$wanted
  measured=$(tool measure "$image") || { say "refused: $measured"; return; }
  say "measured ${measured##*:}"
  [ -n "$wanted" ] && [ "${measured##*:}" = "$wanted" ] || { say "refused: the image is another one"; return; }
  tool mount "$image" /disk/composefs/objects /new require | told
  [ -f /disk/probes ] || { probe sha256 /usr/bin/dpkg; probe run /usr/bin/dpkg --version; return; }
  while read -r kind path rest; do probe "$kind" "$path" $rest; done </disk/probes
  sh /disk/mount.sh 2>&1 | sed 's/^/@ mount.sh: /'
  say "files $(find /new -xdev | wc -l)"
  say "printed $(grep ' /printed ' /proc/mounts)"
  say "printed $(sha256sum </printed/usr/bin/dpkg)"
}

say "kernel $(uname -r)"
say "secureboot $(secure_boot)"
say "lockdown $(cat /sys/kernel/security/lockdown)"
say "cmdline $(cat /proc/cmdline)"
disk=$(find_disk cfsdisk)
say "disk $disk"
case " $(cat /proc/cmdline) " in
  *" planish.task=verbs "*) run_verbs; signatures ;;
  *) start ;;
esac
finish
