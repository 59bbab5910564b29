#!/bin/sh
# Installed twice, as `neo4j` and as `neo4j-admin`: the name decides which of the two programs of the jars starts.
export NEO4J_HOME="${NEO4J_HOME:-/var/lib/neo4j}"
case "${0##*/}" in
  neo4j-admin) program=org.neo4j.server.startup.Neo4jAdminCommand ;;
  *) program=org.neo4j.server.startup.Neo4jCommand ;;
esac
# This small JVM only reads the configuration and starts the real one.
exec "${JAVA_HOME:?}/bin/java" -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  -cp "$NEO4J_HOME/lib/*" "-Dbasedir=$NEO4J_HOME" "$program" "$@"
