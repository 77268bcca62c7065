#!/bin/sh
# Puts programs of Debian 13 into TARGETDIR/trixie without touching the system, for interop tests on Debian 12: cosign 2
# and a skopeo that reads sigstore signatures, ukify 257, and systemd's EFI stub and boot loader. They are downloaded
# through apt, from the mirror that apt on this machine already uses, and run with their own dynamic loader and
# libraries; ukify runs with this machine's Python. Wrappers are in TARGETDIR/trixie/bin; the stub and the boot loader
# in TARGETDIR/trixie/usr/lib/systemd/boot/efi.
#
# usage: install-trixie.sh TARGETDIR
set -eu

[ $# -eq 1 ] || { echo "usage: $0 TARGETDIR" >&2; exit 2; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mirror of the archive proper: the Debian index whose suite is no security or update pocket. Before the first
# `apt-get update` there may be no Release file to tell, so the path decides.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | sort -u | head -n 1)
[ -n "$site" ] || { echo "apt is configured with no Debian mirror" >&2; exit 1; }
architecture=$(dpkg --print-architecture)

mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/parts" "$work/trixie/bin"
: > "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site trixie main" > "$work/sources.list"
cat > "$work/apt.conf" <<CONF
Dir::State "$work";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Cache::archives "$work/archives";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "$work/parts";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$work/parts";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
export APT_CONFIG="$work/apt.conf"

apt-get update -qq >&2

# What skopeo is linked with comes too.
(cd "$work/archives" &&
  apt-get download -qq cosign skopeo systemd-boot-efi systemd-ukify python3-pefile \
    libassuan9 libc6 libgpg-error0 libgpgme11t64 libsqlite3-0 >&2)
root="$work/trixie"
for deb in "$work"/archives/*.deb; do dpkg-deb -x "$deb" "$root"; done
rm -rf "$root/usr/share" "$root/var"

loader=$(find "$root" -name 'ld-linux*.so.*' ! -path '*/share/*' | head -n 1)
libc=$(dirname "$(find "$root/usr" -name 'libc.so.6' | head -n 1)")
[ -n "$loader" ] || { echo "no dynamic loader among the packages" >&2; exit 1; }
loader=${loader#"$root"} libc=${libc#"$root"}
for tool in cosign skopeo; do
  cat > "$root/bin/$tool" <<WRAPPER
#!/bin/sh
here='$target/trixie'
exec "\$here$loader" --library-path "\$here$libc" "\$here/usr/bin/$tool" "\$@"
WRAPPER
done
cat > "$root/bin/ukify" <<WRAPPER
#!/bin/sh
here='$target/trixie'
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="\$here/usr/lib/python3/dist-packages" exec python3 "\$here/usr/lib/systemd/ukify" "\$@"
WRAPPER
chmod 755 "$root/bin"/*

rm -rf "$target/trixie"
mv "$root" "$target/trixie"
for tool in cosign skopeo ukify; do
  argument=--version
  [ "$tool" != cosign ] || argument=version
  "$target/trixie/bin/$tool" "$argument" >/dev/null 2>&1 || { echo "$tool was installed but does not run" >&2; exit 1; }
done
