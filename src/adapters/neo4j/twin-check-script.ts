/**
 * Makes a twin of a store out of links to its files and runs a program on it: `sh -c SCRIPT TWIN DATA DATABASE PROGRAM…`. A check and a
 * dump change nothing, but each locks the directory of the store and the files that it opens; of those a dump opens only small ones (seen
 * with 5.26: `neostore`), and they are copied.
 */
export const TWIN_CHECK_SCRIPT = `
set -e
twin=$0 data=$1 database=$2; shift 2
rm -rf "$twin"
mkdir -p "$twin/databases" "$twin/transactions"
for tree in transactions databases; do
  [ ! -d "$data/$tree/$database" ] || cp -al "$data/$tree/$database" "$twin/$tree/"
done
rm -f "$twin/databases/$database/database_lock"
find "$twin/databases" -type f -size -1024k -exec sh -c 'for file; do cp -p "$file" "$file.own" && mv "$file.own" "$file" || exit 1; done' sh {} +
exec "$@"
`;
