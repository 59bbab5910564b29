#!/bin/bash
# build-root.sh ROOT JAVA_HOME JARS: make the file tree of a small Neo4j image out of this machine's own programs.
#   ROOT       a directory that does not exist yet
#   JAVA_HOME  the Java runtime to copy
#   JARS       a directory with the server's jars
set -euo pipefail
root=$1 java=$2 jars=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$root"/{usr/bin,usr/lib,usr/lib64,etc,tmp,root,run,proc,sys,dev,data,logs,startup,opt/java}
for directory in bin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
ln -s usr/bin "$root/sbin"
chmod 1777 "$root/tmp"

# Programs: what every Debian image has, as whole packages (of perl-base the program alone), and those that an entrypoint needs.
packages=(bash dash coreutils findutils grep sed tar gzip hostname mawk)
programs=(setpriv flock mountpoint tini ps perl)
while read -r file; do
  programs+=("${file##*/}")
done < <(dpkg -L "${packages[@]}" | grep -E '^(/usr)?/s?bin/[^/]+$' | sort -u)
for program in "${programs[@]}"; do
  file=$(PATH=/usr/bin:/bin:/usr/sbin:/sbin type -P "$program") || continue
  # -L: /bin/sh and awk are links out of the tree.
  cp -L "$file" "$root/usr/bin/$program"
done
cp -L /usr/bin/mawk "$root/usr/bin/awk" 2> /dev/null || true

# Java: the run-time part, with links resolved, because Debian keeps its configuration in /etc.
tar -C "$java" -h --ignore-failed-read --exclude=src.zip --exclude=ct.sym -c bin conf lib release 2> /dev/null \
  | tar -C "$root/opt/java" -x
find "$root/opt/java/bin" -type f ! -name java ! -name keytool ! -name jcmd ! -name jstack -delete
chmod 755 "$root"/opt/java/bin/* "$root/opt/java/lib/jspawnhelper"

# Shared libraries of all of these, and those that are only found by name at run time.
libraries() {
  find "$root/usr/bin" "$root/opt/java" -type f \( -perm -100 -o -name '*.so' \) -print0 \
    | xargs -0 -n 50 ldd 2> /dev/null | grep -oE '/[^ ]+\.so[^ ]*' | grep -v "^$root" || true
  ldconfig -p | grep -E 'lib(nss_files|nss_dns|resolv|rt|dl|pthread|m|gcc_s|stdc\+\+|z)\.so\.[0-9]+ ' \
    | grep -oE '/[^ ]+$'
}
while read -r library; do
  case $library in *libX* | *libasound* | *libGL*) continue ;; esac
  target=$root/usr${library#/usr}
  [[ -e $target ]] && continue
  mkdir -p "${target%/*}"
  cp -L "$library" "$target"
done < <(libraries | sort -u)

printf '%s\n' 'root:x:0:0:root:/root:/bin/bash' 'neo4j:x:7474:7474:neo4j:/var/lib/neo4j:/usr/sbin/nologin' \
  > "$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'neo4j:x:7474:' > "$root/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' > "$root/etc/nsswitch.conf"
cp -L /etc/os-release "$root/etc/os-release"

home=$root/var/lib/neo4j
mkdir -p "$home"/{bin,conf,lib,import,plugins,licenses,certificates,run}
ln -s /data "$home/data"
ln -s /logs "$home/logs"
cp "$jars"/*.jar "$home/lib/"
cp "$here/neo4j.conf" "$here/neo4j-admin.conf" "$home/conf/"
for name in neo4j neo4j-admin; do install -m 755 "$here/launcher.sh" "$home/bin/$name"; done
install -m 755 "$here/docker-entrypoint.sh" "$here/archive-classes.sh" "$root/startup/"
chown -R 7474:7474 "$home" "$root/data" "$root/logs"
chmod -R a+rX "$home/lib"
chmod 777 "$root/data" "$root/logs" "$home/conf" "$home/run"
