/**
 * Of the logs of a store that was stopped cleanly, those from before its last checkpoint serve nothing any more. The checkpoint is in the newest
 * log, or in the one before when Neo4j had just begun a new one: `set_aside LOGS ASIDE` takes the others away.
 */
const SET_ASIDE = `
set_aside() {
  mkdir -p "$2" || exit 1
  all=$(ls "$1" 2> /dev/null | grep '^neostore[.]transaction[.]db[.][0-9][0-9]*$' | sort -t . -k 4 -n)
  newest=$(echo "$all" | tail -n 1)
  kept=2
  # A header is shorter than this, and space that was only set aside is zeros.
  [ -z "$newest" ] || [ "$(tail -c +4097 "$1/$newest" | head -c 1048576 | tr -d '\\000' | wc -c)" -eq 0 ] || kept=1
  for log in $(echo "$all" | head -n "-$kept"); do mv "$1/$log" "$2/" || exit 1; done
}
`;

/**
 * Dumps one database of a stopped service: \`sh -c SCRIPT TO PROGRAM…\`. What a dump that fails has written goes at once, because the service is started
 * next, perhaps on a disk that only this has filled.
 */
export const DUMP_SCRIPT = `
to=$0
mkdir -p "$to" && rm -f "$to"/*.dump || exit 1
"$@" && exit
outcome=$?
rm -f "$to"/*.dump
exit "$outcome"
`;

/**
 * Dumps one database of a copy without its old logs: \`sh -c SCRIPT TO LOGS ASIDE PROGRAM…\`. A dump looks at the checkpoint before anything
 * else, and one that fails is made again with all logs; of one that fails for good nothing is left.
 */
export const LEAN_DUMP_SCRIPT = `
set -u
${SET_ASIDE}
to=$0 logs=$1 aside=$2; shift 2
dump() { rm -f "$to"/*.dump; "$@" && return; outcome=$?; rm -f "$to"/*.dump; return "$outcome"; }
mkdir -p "$to" || exit 1
set_aside "$logs" "$aside"
if [ -z "$(ls "$aside")" ]; then dump "$@"; exit; fi
dump "$@" && exit
mv "$aside"/* "$logs/" && dump "$@"
`;

/**
 * Dumps all databases of a copy without their old logs, by one program: \`sh -c SCRIPT TO COPY DATABASES PROGRAM…\`, and puts each dump into a folder of
 * its own. When the program fails nothing is left but the logs where they were set aside, for \`LEAN_DUMP_SCRIPT\`.
 */
export const LEAN_DUMPS_SCRIPT = `
set -u
${SET_ASIDE}
to=$0 copy=$1 databases=$2; shift 2
for database in $databases; do
  rm -f "$to/$database"/*.dump
  mkdir -p "$to/$database" || exit 1
  set_aside "$copy/transactions/$database" "$copy/aside/$database"
done
rm -f "$to"/*.dump
"$@"
outcome=$?
for database in $databases; do [ "$outcome" != 0 ] || mv "$to/$database.dump" "$to/$database/" || outcome=1; done
rm -f "$to"/*.dump
exit "$outcome"
`;
