#!/bin/bash
# archive-classes.sh LISTS TO: put the classes that a server and its neo4j-admin load into an archive that Java maps at its start.
#   LISTS  a directory with server.lst, the classes that a server has loaded; other lists are written there
#   TO     the archive
# /data holds the stores of that server, which does not run.
set -euo pipefail
lists=$1 to=$2
cd "$lists"
configuration=$NEO4J_HOME/conf/neo4j-admin.conf
lines=$(< "$configuration")
admin() {
  local name=$1
  shift
  printf '%s\n' "$lines" "server.jvm.additional=-XX:DumpLoadedClassList=$lists/$name.lst" > "$configuration"
  neo4j-admin "$@"
}
admin password dbms set-initial-password training-only || true
admin info database info --format=json neo4j > info.json
admin dump database dump neo4j --to-path="$lists"
admin check database check neo4j --report-path="$lists"
admin load database load neo4j --from-path="$lists" --overwrite-destination=true
printf '%s\n' "$lines" > "$configuration"

# Java can't read its own lines when they are too long; a lambda that is left out is made at run time.
cat ./*.lst | grep -v '^#' | awk 'length < 4000' | sort -u > all
{ grep -v '^@' all; grep '^@' all; } > classes
"$JAVA_HOME/bin/java" -Xshare:dump -XX:+UseSerialGC -XX:SharedClassListFile=classes -XX:SharedArchiveFile="$to" \
  -cp "$NEO4J_HOME/plugins/*:$NEO4J_HOME/conf/*:$NEO4J_HOME/lib/*" > dump.log 2>&1 || { tail -n 20 dump.log >&2; exit 1; }
