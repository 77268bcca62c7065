#!/bin/bash
# make-server-root.sh OUT.tar - a real Debian server root (940 MB, 20,000 files, kernel and initramfs) as a tar, by
# mmdebstrap from the apt sources this machine is configured with. About three minutes.
# Needs root and: apt-get install -y mmdebstrap
# SERVER_POCKETS, a list of main, updates and security, says how far the packages are up to date (default: main alone).
set -euo pipefail
[[ $# == 1 ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
. /etc/os-release
# Main first: of alternatives that different pockets satisfy, apt takes those of the source that is named first.
sources=$(apt-get indextargets --format '$(SITE)|$(RELEASE)|$(COMPONENT)' 'Identifier: Packages' | sort -u |
  while IFS='|' read -r site suite component; do
    case $suite in
      "$VERSION_CODENAME") pocket=main ;;
      "$VERSION_CODENAME-updates") pocket=updates ;;
      "$VERSION_CODENAME-security") pocket=security ;;
      *) pocket=other ;;
    esac
    if [[ $component == main && ,${SERVER_POCKETS:-main}, == *,$pocket,* ]]; then
      echo "${#suite} deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main"
    fi
  done | sort -n | cut -d ' ' -f 2-)
[[ -n $sources ]] || { echo "make-server-root: no apt source for $VERSION_CODENAME main (run apt-get update?)" >&2; exit 1; }
include=systemd,systemd-sysv,libpam-systemd,udev,dbus,kmod,initramfs-tools,linux-image-amd64,zstd,python3,python3-venv
include+=,python3-requests,openssh-server,nginx,curl,ca-certificates,iproute2,nftables,sudo,locales,less,vim-tiny,git
include+=,rsync,perl,podman,tzdata,e2fsprogs,procps,iputils-ping,gnupg,jq
# Other packages make another root: SERVER_PACKAGES replaces the list.
include=${SERVER_PACKAGES:-$include}
export SOURCE_DATE_EPOCH=1780000000
mmdebstrap --quiet --mode=root --variant=apt --format=tar --include="$include" \
  --aptopt='Apt::Install-Recommends "false"' \
  --customize-hook='rm -f "$1"/etc/apt/sources.list.d/* "$1"/etc/ssh/ssh_host_* "$1"/var/lib/dbus/machine-id' \
  --customize-hook='rm -f "$1"/etc/ssl/private/ssl-cert-snakeoil.key "$1"/etc/ssl/certs/ssl-cert-snakeoil.pem' \
  --customize-hook='rm -f "$1"/var/lib/systemd/random-seed; : > "$1/etc/machine-id"' \
  "$VERSION_CODENAME" "$1" - <<<"$sources"
