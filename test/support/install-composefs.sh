#!/bin/sh
# Puts mkcomposefs, composefs-info and mount.composefs, as Debian builds them, into TARGETDIR without touching the system: the packages
# of Debian's unstable suite are downloaded through apt, from the mirror that apt on this machine already uses, and
# run with their own dynamic loader and libraries. Debian 12 cannot install them because its C library is older.
#
# usage: install-composefs.sh TARGETDIR
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

mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/parts" "$work/root"
: > "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site unstable main" > "$work/sources.list"
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

# What the programs need to run is what they and their libraries are linked with: depends, followed to the end, but
# only through packages that hold shared libraries.
packages=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
  --no-enhances --no-pre-depends composefs | grep -E '^(composefs|lib[a-z0-9.+-]*|zlib1g)$' |
  grep -v -E '^(libc-bin|libc-dev|libc-gconv|libcrypt)' | sort -u)
(cd "$work/archives" && apt-get download -qq $packages >&2)
for deb in "$work"/archives/*.deb; do dpkg-deb -x "$deb" "$work/root"; done

libraries=$(dirname "$(find "$work/root" -name 'libcomposefs.so.1' | head -n 1)")
loader=$(find "$work/root" -name 'ld-linux*.so.*' ! -path '*/share/*' | head -n 1)
[ -n "$loader" ] || { echo "no dynamic loader among the packages" >&2; exit 1; }

rm -rf "$target/composefs.d"
mkdir -p "$target/composefs.d"
cp -L "$libraries"/*.so.* "$target/composefs.d/"
cp -L "$loader" "$target/composefs.d/ld.so"
for tool in mkcomposefs composefs-info mount.composefs; do
  cp "$(find "$work/root" -type f -name "$tool" | head -n 1)" "$target/composefs.d/$tool"
  cat > "$target/$tool" <<WRAPPER
#!/bin/sh
here='$target/composefs.d'
exec "\$here/ld.so" --library-path "\$here" "\$here/$tool" "\$@"
WRAPPER
  chmod 755 "$target/$tool"
done

echo '/ 0 40755 2 0 0 0 0.0 - - -' | "$target/mkcomposefs" --print-digest-only --from-file - |
  grep -q '^8f589e8f57ecb88823736b0d857ddca1e1068a23e264fad164b28f7038eb3682$' ||
  { echo "mkcomposefs was installed but does not give the known digest of an empty tree" >&2; exit 1; }
