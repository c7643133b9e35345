#!/usr/bin/env bash
# deploy/package.sh [amd64 | arm64] [output directory]
# Builds a tarball and a Debian package of the portal, with .NET included, for this machine's architecture unless one is named.
# A second argument gives the directory for both; the default is artifacts/packages.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)

arch=${1:-$(dpkg --print-architecture)}
case $arch in
  amd64) runtime=linux-x64 ;;
  arm64) runtime=linux-arm64 ;;
  *)
    echo "The architecture must be amd64 or arm64, but is \"$arch\"." >&2
    exit 1
    ;;
esac
output=${2:-$repository/artifacts/packages}
mkdir -p "$output"
output=$(cd "$output" && pwd)
version=$(sed -n 's:.*<VersionPrefix>\(.*\)</VersionPrefix>.*:\1:p' "$repository/Directory.Build.props")

# The times of all files are those of the last commit, not of the build.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
program=$root/usr/lib/otpportal
documents=$root/usr/share/doc/otpportal
mkdir -p "$program" "$documents" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/etc/otpportal" "$root/DEBIAN"

# Its intermediate files are elsewhere, so that a build in the repository is not disturbed.
dotnet publish "$repository/OtpPortal" --configuration Release --runtime "$runtime" --self-contained \
  --artifacts-path "$work/build" --output "$program" -p:DebugType=none -p:RunAnalyzers=false --nologo -v quiet

cp "$repository/deploy/otpportal.service" "$root/usr/lib/systemd/system/otpportal.service"
cp "$repository/deploy/otpportal.sysusers" "$root/usr/lib/sysusers.d/otpportal.conf"
cp "$repository/deploy/otpportal.env" "$root/etc/otpportal/otpportal.env"
cp "$repository/.env.sample" "$documents/env.sample"
cp "$repository/LICENSE" "$documents/copyright"
cp "$repository"/deploy/debian/{postinst,prerm,postrm} "$root/DEBIAN"
echo /etc/otpportal/otpportal.env >"$root/DEBIAN/conffiles"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" "$repository/deploy/debian/control" >"$root/DEBIAN/control"

find "$root" -type d -exec chmod 755 {} +
find "$root" -type f -exec chmod 644 {} +
chmod 755 "$program/OtpPortal" "$root"/DEBIAN/{postinst,prerm,postrm}
chmod 640 "$root/etc/otpportal/otpportal.env"
find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$output/otpportal_${version}_$arch.deb" >/dev/null
# The same files without the scripts of the package, for other distributions: extract it in /.
tar --create --gzip --file "$output/otpportal-$version-$runtime.tar.gz" --directory "$root" --sort=name --owner=0 --group=0 \
  --exclude ./DEBIAN .
echo "$output/otpportal_${version}_$arch.deb"
echo "$output/otpportal-$version-$runtime.tar.gz"
