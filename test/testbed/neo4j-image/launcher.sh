#!/bin/sh
# Installed twice, as `neo4j` and as `neo4j-admin`: the name decides which of the two programs starts.
# The official ones are small JVMs that read the configuration and start the real one with what it says. A shell can do
# that too, and a JVM that is not started is a fifth of a server's start and half of a neo4j-admin.
# `STAND_IN_START=official` has them start as the official ones do, for measurements.
set -f
home=${NEO4J_HOME:-/var/lib/neo4j}

if [ "${STAND_IN_START:-}" = official ]; then
  case "${0##*/}" in
    neo4j-admin) program=org.neo4j.server.startup.Neo4jAdminCommand ;;
    *) program=org.neo4j.server.startup.Neo4jCommand ;;
  esac
  exec "${JAVA_HOME:?}/bin/java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -cp "$home/lib/*" "-Dbasedir=$home" "$program" "$@"
fi

setting() {
  sed -n "s/^$2=//p" "$home/conf/$1"
}

case "${0##*/}" in
  neo4j-admin)
    main=org.neo4j.cli.AdminTool
    configuration=neo4j-admin.conf
    smallest=${HEAP_SIZE:-}
    largest=${HEAP_SIZE:-}
    ;;
  *)
    if [ "$*" != console ]; then
      echo "neo4j: only \"neo4j console\" is known here." >&2
      exit 64
    fi
    main=org.neo4j.server.CommunityEntryPoint
    configuration=neo4j.conf
    smallest=$(setting neo4j.conf server.memory.heap.initial_size)
    largest=$(setting neo4j.conf server.memory.heap.max_size)
    set -- "--home-dir=$home" "--config-dir=$home/conf" --console-mode
    ;;
esac
# Both programs' classes as Java has them in memory, from when the image was made: without it, it reads and links them anew each time.
archive=/opt/java/lib/neo4j.jsa
[ -e "$archive" ] || archive=
# Unquoted, because a line can hold several options.
exec "${JAVA_HOME:?}/bin/java" -cp "$home/plugins/*:$home/conf/*:$home/lib/*" ${archive:+-XX:SharedArchiveFile=$archive} \
  $(setting "$configuration" server.jvm.additional) -Dfile.encoding=UTF-8 \
  ${smallest:+-Xms$smallest} ${largest:+-Xmx$largest} "$main" "$@"
