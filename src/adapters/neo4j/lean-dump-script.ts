/**
 * Dumps a copy of a store that was stopped cleanly, without the logs of transactions from before its last checkpoint, which serve nothing any more:
 * \`sh -c SCRIPT TO LOGS ASIDE PROGRAM…\`. That checkpoint is in the newest log, or in the one before when Neo4j had just begun a new one. The
 * others are set aside; a dump looks at the checkpoint before anything else, and one that fails is made again with all of them.
 */
export const LEAN_DUMP_SCRIPT = `
set -u
to=$0 logs=$1 aside=$2; shift 2
dump() { rm -f "$to"/*.dump; "$@"; }
mkdir -p "$to" "$aside" || exit 1
all=$(ls "$logs" 2> /dev/null | grep '^neostore[.]transaction[.]db[.][0-9][0-9]*$' | sort -t . -k 4 -n)
newest=$(echo "$all" | tail -n 1)
kept=2
# A header is shorter than this, and space that was only set aside is zeros.
[ -z "$newest" ] || [ "$(tail -c +4097 "$logs/$newest" | head -c 1048576 | tr -d '\\000' | wc -c)" -eq 0 ] || kept=1
for log in $(echo "$all" | head -n "-$kept"); do mv "$logs/$log" "$aside/" || exit 1; done
if [ -z "$(ls "$aside")" ]; then dump "$@"; exit; fi
dump "$@" && exit
mv "$aside"/* "$logs/" && dump "$@"
`;
