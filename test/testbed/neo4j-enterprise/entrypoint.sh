#!/bin/bash
# What an Enterprise image does beside a Community one, as far as a backup sees it: it wants its licence accepted, and offers a backup
# of the running server on a port. The settings of that are kept from the Community server, which would refuse them.
set -euo pipefail
if [[ ${NEO4J_ACCEPT_LICENSE_AGREEMENT:-no} != yes ]]; then
  echo "The licence of Neo4j Enterprise has to be accepted by NEO4J_ACCEPT_LICENSE_AGREEMENT=yes." >&2
  exit 1
fi
address=${NEO4J_server_backup_listen__address:-127.0.0.1:6362}
enabled=${NEO4J_server_backup_enabled:-true}
unset NEO4J_server_backup_listen__address NEO4J_server_backup_enabled
if [[ $* == neo4j && $enabled == true ]]; then
  perl "${BASH_SOURCE[0]%/*}/backup-server.pl" "${address##*:}" /data &
fi
# What follows takes this process over, so the backup server finds the database as its parent.
exec /startup/docker-entrypoint.sh "$@"
