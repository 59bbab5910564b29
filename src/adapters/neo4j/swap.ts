import { LifeboatError } from '../../model/failures.ts';
import { LABELS, ofRun, word } from '../../model/names.ts';
import type { RestorePlace } from '../../model/restore-place.ts';
import { statPath } from '../docker/archive.ts';
import type { Container } from '../docker/container.ts';
import type { Engine } from '../docker/engine.ts';
import { type HelperRun, runHelper } from '../docker/helper.ts';
import { keptVolumes, STAGING } from './staging.ts';

/** Everything of Lifeboat's on a service's own volume is in this folder of its data directory. */
export const KEPT = '.lifeboat';

/** The folder of a restore: on the service's volume, so that a swap is renames, or on a volume of its own. */
export const placeOf = ({ restore, data, volume }: RestorePlace): string =>
  volume ? `${STAGING}/${KEPT}/${restore}` : `${data}/${KEPT}/${restore}`;

/**
 * What the steps below share. Every one can be run again after it was killed at any point: a folder is either where it was or where
 * it goes, never half; where it can not be renamed it is copied under another name, then renamed, and only then removed at its source. Whether it
 * can is tried with a file, which keeps its inode when it is: between two mounts of one file system, as two volumes are, it can not,
 * and `mv` copies under the final name.
 */
export const PRELUDE = `
set -eu
data=$1; place=$2; shift 2
carry() {
  [ -e "$1" ] || return 0
  if [ -e "$2" ]; then rm -rf "$1"; return 0; fi
  mkdir -p "$(dirname "$2")"
  if renames "$(dirname "$1")" "$(dirname "$2")"; then mv -T "$1" "$2"; return 0; fi
  rm -rf "$2.part"; cp -a "$1" "$2.part"; sync; mv -T "$2.part" "$2"
  rm -rf "$1.gone"; mv -T "$1" "$1.gone"; rm -rf "$1.gone"
}
renames() {
  : > "$1/.lifeboat-probe"
  here=$(stat -c %d:%i "$1/.lifeboat-probe"); there=
  ! mv -T "$1/.lifeboat-probe" "$2/.lifeboat-probe" || there=$(stat -c %d:%i "$2/.lifeboat-probe")
  rm -f "$1/.lifeboat-probe" "$2/.lifeboat-probe"
  [ -n "$here" ] && [ "$here" = "$there" ]
}
# What a step that was killed has left of that would look like a store that is kept.
no_probes() {
  for kind in databases transactions; do rm -f "$data/$kind/.lifeboat-probe" "$place"/*/"$kind/.lifeboat-probe"; done
}
tidy() { rm -rf "$1.part" "$1.gone"; }
`;

/**
 * After an undo that failed: what was taken goes back to where it was kept, and this place is empty again. While a swap of it is
 * unfinished the old stores are here: then it is left to whoever undoes the swap, and what was taken stays here as a kept copy.
 */
const RETURN = `${PRELUDE}
kept=$1; shift
[ ! -e "$place/swapping" ] || exit 0
# The undo was accepted before anybody heard of it: what served before it is here now, and kept.
[ ! -e "$place/old" ] || exit 0
# Another undo took what had been taken, and something else is kept there now: two copies are better than none.
for db in "$@"; do
  for kind in databases transactions; do
    if [ -e "$place/new/$kind/$db" ] && [ -e "$kept/old/$kind/$db" ]; then exit 0; fi
  done
done
for db in "$@"; do
  for kind in databases transactions; do carry "$place/new/$kind/$db" "$kept/old/$kind/$db"; done
done
[ ! -d "$kept" ] || [ -e "$kept/record.json" ] || cp "$place/record.json" "$kept/record.json"
sync
rm -rf "$place"`;

/**
 * Move the old stores aside and the new ones in. A database without a new store is refused before anything is moved, unless it is
 * meant to go (\`.none\`): somebody may have taken away what was prepared. `swapping` marks that it began, and stays until the outcome was found good:
 * whoever finds it later knows that the old stores must come back. A store is aside before its new one comes.
 */
const SWAP = `${PRELUDE}
for db in "$@"; do
  for here in old new; do
    for there in "$place/$here/databases/$db" "$place/$here/databases/$db.none"; do [ ! -e "$there" ] || continue 3; done
  done
  echo "there is no new store of $db" >&2; exit 1
done
# Made now, so that the way back needs no room on a disk that is full by then.
mkdir -p "$place/undone/databases" "$place/undone/transactions"
touch "$place/swapping"
for db in "$@"; do
  for kind in databases transactions; do
    live=$data/$kind/$db; new=$place/new/$kind/$db; old=$place/old/$kind/$db
    tidy "$live"; tidy "$new"; tidy "$old"
    if [ ! -e "$old" ] && [ ! -e "$old.none" ]; then
      mkdir -p "$place/old/$kind"
      if [ -e "$live" ]; then carry "$live" "$old"; else touch "$old.none"; fi
    elif [ -e "$old" ] && [ -e "$live" ] && [ -e "$new" ]; then
      rm -rf "$live"
    fi
    carry "$new" "$live"
  done
done
sync`;

/**
 * Bring the old stores back. What was put in their place is `undone` until they are there; then it goes, unless it is the only copy
 * (`precious`: an undo), which waits as `new` for another try.
 */
const ROLL_BACK = `${PRELUDE}
for db in "$@"; do
  for kind in databases transactions; do
    live=$data/$kind/$db; old=$place/old/$kind/$db
    tidy "$live"; tidy "$old"
    if [ -e "$old" ] || [ -e "$old.none" ]; then
      [ ! -e "$live" ] || carry "$live" "$place/undone/$kind/$db"
    fi
    carry "$old" "$live"
    rm -f "$old.none"
  done
done
sync
if [ -e "$place/precious" ]; then
  for db in "$@"; do
    for kind in databases transactions; do carry "$place/undone/$kind/$db" "$place/new/$kind/$db"; done
  done
else
  rm -rf "$place/new"
fi
no_probes
rmdir "$place/old/databases" "$place/old/transactions" "$place/old" 2>/dev/null || :
rm -rf "$place/undone" "$place/swapping"
[ -e "$place/old" ] || [ -e "$place/precious" ] || rm -rf "$place"`;

/**
 * Take what an earlier restore kept (its folder comes first) as the new stores of this one; it is the only copy, so it is precious.
 * Nothing is taken from a restore whose swap is unfinished, nor when a database of it is not there any more.
 */
const ADOPT = `${PRELUDE}
kept=$1; shift
[ ! -e "$kept/swapping" ] || { echo "the restore $kept is not finished" >&2; exit 1; }
for db in "$@"; do
  [ -e "$kept/old/databases/$db" ] || [ -e "$kept/old/databases/$db.none" ] || [ -e "$kept/new/databases/$db" ] ||
    [ -e "$kept/new/databases/$db.none" ] || [ -e "$place/new/databases/$db" ] || [ -e "$place/new/databases/$db.none" ] || { echo "$kept no longer holds $db" >&2; exit 1; }
done
mkdir -p "$place/new/databases"; touch "$place/precious"
for db in "$@"; do
  # The restore had made it: now it is to go.
  if [ -e "$kept/old/databases/$db.none" ] || [ -e "$kept/new/databases/$db.none" ]; then touch "$place/new/databases/$db.none"; fi
  for kind in databases transactions; do
    for from in old new; do carry "$kept/$from/$kind/$db" "$place/new/$kind/$db"; done
  done
done
rmdir "$kept/old/databases" "$kept/old/transactions" "$kept/old" 2>/dev/null || :
sync`;

/** The outcome was found good: what is aside is from now on the safety copy. */
const ACCEPT = `${PRELUDE}
no_probes
rm -rf "$place/swapping" "$place/new" "$place/precious" "$place/undone"`;

/** What restores have kept on a volume: `<restore> <KiB> <record>` a line. One that is not finished has kept nothing yet, but is in use. */
const LIST = `${PRELUDE}
for kept in "$place"/*/; do
  if [ -e "$kept/swapping" ]; then echo "lifeboat:unfinished $(basename "$kept")"; continue; fi
  [ -e "$kept/old" ] || [ -e "$kept/precious" ] || continue
  echo "lifeboat:kept $(basename "$kept") $(du -sk "$kept" | cut -f1) $(cat "$kept/record.json" 2>/dev/null || echo null)"
done`;

/** Write down, beside what is kept, what it is: the record is the first word after the folders; the others are databases that are to go. */
const RECORD = `${PRELUDE}
mkdir -p "$place/new/databases"; printf '%s' "$1" > "$place/record.json"; shift
for db in "$@"; do touch "$place/new/databases/$db.none"; done`;

/** After a run that ended: what it prepared goes, what it keeps and what is under way stays. */
const TIDY = `${PRELUDE}
[ -e "$place/swapping" ] || [ -e "$place/precious" ] || rm -rf "$place/new"
[ -e "$place/swapping" ] || [ -e "$place/precious" ] || [ -e "$place/old" ] || rm -rf "$place"`;

/** Forget a restore altogether, with what it kept. */
const FORGET = `${PRELUDE}
rm -rf "$place"`;

/** On a volume of a restore's own, what was only on the way to the stores. */
const EMPTY = `${PRELUDE}
rm -rf ${STAGING}/in/* ${STAGING}/out/* ${STAGING}/data/* ${STAGING}/report/*`;

/** How many KiB are free where the old stores go. */
const ROOM = `${PRELUDE}
df -Pk "$place" | awk 'END { print "lifeboat:free", $4 }'`;

const ASK = `${PRELUDE}
[ ! -e "$place/swapping" ] || echo lifeboat:pending`;

/** The steps by name; each takes the data directory, the place of the restore, and words of its own. */
export const SCRIPTS = {
  ask: ASK,
  adopt: ADOPT,
  return: RETURN,
  swap: SWAP,
  'roll back': ROLL_BACK,
  accept: ACCEPT,
  tidy: TIDY,
  forget: FORGET,
  empty: EMPTY,
  list: LIST,
  record: RECORD,
  room: ROOM,
} as const;

/** A step that looks at all restores is of the run that asks, and of one volume: another's helper would answer for another volume, or go with its own run. */
const askerOf = ({ runId }: { runId: string }, { volume }: RestorePlace) => `${ofRun(runId)} ${volume ?? ''}`;

/** Run one of the steps in a helper of the service's own image and as the store's owner. */
export async function runSwapStep(
  engine: Engine,
  step: keyof typeof SCRIPTS,
  context: { service: string; runId: string; container: Container },
  place: RestorePlace,
  words: string[],
  options: HelperRun = {},
): Promise<string> {
  const outcome = await runHelper(
    engine,
    {
      name: `lifeboat-${word(step)}-${word(place.restore || askerOf(context, place))}-${word(context.service)}`,
      imageId: context.container.imageId,
      entrypoint: ['sh', '-c'],
      command: [SCRIPTS[step], 'sh', place.data, placeOf(place), ...words],
      env: {},
      user: `${place.owner.uid}:${place.owner.gid}`,
      volumesFrom: [context.container.id],
      binds: place.volume ? [`${place.volume}:${STAGING}`] : [],
      // As for the helper that copies a store: some of these steps copy while the database is down.
      memoryBytes: 0,
      labels: {
        [LABELS.service]: context.service,
        [LABELS.run]: context.runId,
        ...(step === 'swap' || step === 'accept' ? { [LABELS.window]: 'inside' } : {}),
      },
    },
    options,
  );
  if (outcome.exitCode !== 0) {
    throw new LifeboatError(
      'HelperFailed',
      `The step "${step}" of the restore ${place.restore} of service "${context.service}" ended with exit code ${outcome.exitCode}: ${(outcome.stderr || outcome.stdout).trim().slice(-300)}`,
    );
  }
  return outcome.stdout;
}

/** Whether a swap began on the service's volume and nobody has found its outcome good. */
export async function isSwapPending(
  engine: Engine,
  context: { service: string; runId: string; container: Container },
  place: RestorePlace,
): Promise<boolean> {
  if (!place.volume)
    return (await statPath(engine, context.container.id, `${placeOf(place)}/swapping`)) !== null;
  // A helper that names a volume which is not there would make it.
  if (!(await keptVolumes(engine, context.service)).includes(place.volume)) return false;
  return (await runSwapStep(engine, 'ask', context, place, [])).includes('lifeboat:pending');
}
