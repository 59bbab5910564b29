# Sourced by the launchers in this directory. Makes sure that the pinned packages are installed, Node among them, and
# then runs a program with it: `run_program NAME.ts "$@"` never returns.
#
# Needs of the machine: bash and a Node.js with npm (18 or later; it only installs the pinned one).

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
pinned_node=$project/node_modules/.bin/node

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

need_npm() {
  command -v node > /dev/null && command -v npm > /dev/null && return
  fail "Node.js with npm is missing on this machine; it installs the pinned Node 24 and all packages. Install it (on Debian: apt install nodejs npm) and try again."
}

# The stamp is the fast answer. Without it, or after somebody ran npm by hand, what npm wrote about the installed
# packages is compared with the lock file.
packages_are_current() {
  [[ -x $pinned_node && -f $stamp ]] && [[ $(< "$stamp") == "$(lock_digest)" ]]
}

lock_digest() { cksum < "$project/package-lock.json"; }

packages_agree() {
  [[ -x $pinned_node && -f $project/node_modules/.package-lock.json ]] || return 1
  node -e '
    const [wanted, present] = process.argv.slice(1).map((file) => JSON.parse(require("fs").readFileSync(file)).packages);
    const differs = ([path, one]) => path !== "" && !one.optional && present[path]?.version !== one.version;
    process.exit(Object.entries(wanted).some(differs) ? 1 : 0);
  ' "$project/package-lock.json" "$project/node_modules/.package-lock.json"
}

install_packages() {
  need_npm
  # Two launchers at once: the second waits here and then finds the work done.
  if command -v flock > /dev/null; then
    exec 9< "$project/package-lock.json"
    flock 9
  fi
  if ! packages_are_current && ! packages_agree; then
    say "Installing Node 24 and the packages that package-lock.json pins; this takes about a minute ..."
    local since=$SECONDS options=(--no-audit --no-fund --loglevel=error)
    # A registry that lacks some platforms' optional packages makes `npm ci` refuse the lock file; `npm install`
    # takes the same versions from it. Packages that are in use are brought up to date, not deleted first.
    if [[ -f $project/node_modules/.package-lock.json ]] \
      || ! (cd "$project" && npm ci "${options[@]}" > /dev/null 2>&1); then
      (cd "$project" && npm install --no-save "${options[@]}" >&2) \
        || fail "npm could not install the packages; its message is above. Check that a package registry can be reached and try again."
    fi
    [[ -x $pinned_node ]] || (cd "$project" && npm rebuild node "${options[@]}" >&2)
    [[ -x $pinned_node ]] || fail "npm installed the packages, but not the pinned Node (node_modules/.bin/node). Allow the package \"node\" to run its install script and try again."
    say "Installed in $((SECONDS - since)) s."
  fi
  lock_digest > "$stamp"
  if command -v flock > /dev/null; then exec 9<&-; fi
}

# Run a program of this directory with the pinned Node, in the caller's directory.
run_program() {
  local program=$1
  shift
  stamp=$project/node_modules/.lifeboat-packages
  packages_are_current || install_packages
  export PATH=$project/node_modules/.bin:$PATH
  exec "$pinned_node" "$project/scripts/$program" "$@"
}
