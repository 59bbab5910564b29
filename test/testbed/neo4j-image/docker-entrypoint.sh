#!/bin/bash
# The conventions of the official image's entrypoint:
#   - started as root, everything runs as neo4j (7474); /data and /logs are given to neo4j when it can not write there
#   - NEO4J_a_b__c=value becomes a.b_c=value in neo4j.conf; files in /conf come before that
#   - NEO4J_AUTH=none | neo4j/<password>[/true], or the same in the file that NEO4J_AUTH_PATH names
#   - the word `neo4j` alone starts the server; anything else is run as it is
set -euo pipefail

configuration="$NEO4J_HOME/conf/neo4j.conf"
as_neo4j=()
if [[ $(id -u) == 0 ]]; then
  as_neo4j=(setpriv --reuid=neo4j --regid=neo4j --init-groups)
fi

give_to_neo4j() {
  local directory
  for directory in "$@"; do
    [[ -d $directory && ${#as_neo4j[@]} -gt 0 ]] || continue
    if [[ -n $("${as_neo4j[@]}" find "$directory" ! -writable -print -quit 2>&1) ]]; then
      echo "Warning: neo4j can not write to all of $directory. Changing its owner to neo4j."
      chown -R neo4j:neo4j "$directory"
    fi
  done
}

# Later lines win in no setting of Neo4j, a doubled one is refused: so the old line goes.
configure() {
  local key=$1 value=$2
  if [[ $key != server.jvm.additional ]]; then
    local kept
    kept=$(grep -vF -- "$key=" "$configuration" || true)
    printf '%s\n' "$kept" > "$configuration"
  fi
  printf '%s=%s\n' "$key" "$value" >> "$configuration"
}

configure_by_default() {
  grep -qF -- "$1=" "$configuration" || configure "$1" "$2"
}

configure_from_environment() {
  local name value key
  while IFS='=' read -r -d '' name value; do
    case $name in
      NEO4J_HOME | NEO4J_EDITION | NEO4J_AUTH | NEO4J_AUTH_PATH | NEO4J_CONF | NEO4J_PLUGINS | NEO4J_DEBUG) continue ;;
      NEO4J_SHA256 | NEO4J_TARBALL | NEO4J_ACCEPT_LICENSE_AGREEMENT | NEO4J_[0-9]*) continue ;;
      NEO4J_?*) ;;
      *) continue ;;
    esac
    [[ -n $value ]] || continue
    key=${name#NEO4J_}
    key=${key//_/.}
    key=${key//../_}
    configure "$key" "$value"
  done < <(env -0)
}

set_first_password() {
  local auth=${NEO4J_AUTH:-}
  if [[ -n ${NEO4J_AUTH_PATH:-} ]]; then auth=$(< "$NEO4J_AUTH_PATH"); fi
  case $auth in
    '') return ;;
    none)
      configure dbms.security.auth_enabled false
      return
      ;;
    neo4j/neo4j | neo4j/neo4j/*)
      echo "Invalid value for password. It cannot be 'neo4j', which is the default." >&2
      exit 1
      ;;
    neo4j/?*) ;;
    *)
      echo "Invalid value for NEO4J_AUTH: it is neither none nor neo4j/<password>." >&2
      exit 1
      ;;
  esac
  # It only counts before the system database exists; the official image asks each time, to no effect but seconds.
  if [[ -e $NEO4J_HOME/data/databases/system ]]; then return; fi
  local password=${auth#neo4j/} change=()
  if [[ ${password,,} == */true ]]; then
    password=${password%/*}
    change=(--require-password-change)
  fi
  "${as_neo4j[@]}" neo4j-admin dbms set-initial-password "$password" "${change[@]}" || true
}

if [[ -d /conf ]]; then cp -f /conf/* "$NEO4J_HOME/conf/" 2> /dev/null || true; fi
give_to_neo4j /data /logs
configure_by_default server.memory.pagecache.size 512M
configure_by_default server.default_listen_address 0.0.0.0
configure_by_default server.directories.logs /logs
configure_from_environment

# A killed server leaves it, and the next one would refuse: "Neo4j is already running".
rm -f "$NEO4J_HOME/run/neo4j.pid"

if [[ ${1:-} != neo4j || $# -ne 1 ]]; then
  exec "${as_neo4j[@]}" "$@"
fi
set_first_password
if [[ ${STAND_IN_START:-} == official ]]; then
  # The official launcher prints the server's own command, quoted for a shell; run that, so that no second JVM stays.
  command=$("${as_neo4j[@]}" neo4j console --dry-run)
  eval "exec ${as_neo4j[*]} $command"
fi
exec "${as_neo4j[@]}" neo4j console
