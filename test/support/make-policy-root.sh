#!/bin/bash
# make-policy-root.sh DIRECTORY - a Debian root with the SELinux reference policy, as DIRECTORY/policy.tar and unpacked
# in DIRECTORY/policy, unless they are there already. About two minutes.
# Needs root and: apt-get install -y mmdebstrap
set -euo pipefail
[[ $# == 1 ]] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")") directory=$1
mkdir -p "$directory"
include=systemd,systemd-sysv,udev,dbus,kmod,openssh-server,nginx,sudo,selinux-policy-default,policycoreutils,selinux-utils
[[ -f $directory/policy.tar ]] || {
  SERVER_PACKAGES=$include bash "$here/make-server-root.sh" "$directory/policy.tar.part" >&2
  mv "$directory/policy.tar.part" "$directory/policy.tar"
}
[[ -d $directory/policy ]] || {
  rm -rf "$directory/policy.part"; mkdir "$directory/policy.part"
  tar -C "$directory/policy.part" --numeric-owner --xattrs --xattrs-include='*' -xpf "$directory/policy.tar"
  mkdir -p "$directory/policy.part/sysroot" # what hosts demand of an image that boots
  mv "$directory/policy.part" "$directory/policy"
}
