#!/bin/bash
# make-vm-root.sh DIRECTORY [POLICYROOT] - a small Debian root with a 6.12 kernel of the cloud flavour and systemd's EFI
# stub, laid out for image-based systems (kernel beside its modules, /boot empty), as DIRECTORY/root.tar, unless it is
# there already. No initramfs: the tests write their own. The SELinux policy comes from POLICYROOT where one is given
# (see make-policy-root.sh). About a minute.
# Needs root and: apt-get install -y mmdebstrap
set -euo pipefail
[[ $# == 1 || $# == 2 ]] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
directory=$1 policy=${2:-}
mkdir -p "$directory"
[[ ! -f $directory/root.tar ]] || exit 0
. /etc/os-release
sources=$(apt-get indextargets --format '$(SITE)|$(RELEASE)|$(COMPONENT)' 'Identifier: Packages' | sort -u |
  while IFS='|' read -r site suite component; do
    if [[ $component == main && ( $suite == "$VERSION_CODENAME" || $suite == "$VERSION_CODENAME-security" ) ]]; then
      echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main"
    fi
  done)
[[ -n $sources ]] || { echo "make-vm-root: no apt source for $VERSION_CODENAME main (run apt-get update?)" >&2; exit 1; }
export SOURCE_DATE_EPOCH=1780000000 INITRD=No
hook='set -e; root=$1
version=$(ls "$root/usr/lib/modules" | tail -n 1)
cp "$root/boot/vmlinuz-$version" "$root/usr/lib/modules/$version/vmlinuz"
rm -rf "$root"/boot/* "$root"/initrd.img* "$root"/vmlinuz* "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/*
rm -rf "$root"/var/cache/* "$root"/var/log/*
mkdir -p "$root/sysroot"; : > "$root/etc/machine-id"
if [ -n "$POLICY" ]; then mkdir -p "$root/etc/selinux" && cp -a "$POLICY/etc/selinux/." "$root/etc/selinux/"; fi
find "$root/etc/selinux" -name "policy.[0-9]*" -delete 2>/dev/null || true'
mmdebstrap --quiet --mode=root --variant=essential --format=tar \
  --include=linux-image-6.12-cloud-amd64,systemd-boot-efi --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
  --customize-hook="POLICY='$policy'; $hook" \
  "$VERSION_CODENAME" "$directory/root.tar.part" - <<<"$sources"
mv "$directory/root.tar.part" "$directory/root.tar"
