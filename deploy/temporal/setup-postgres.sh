#!/bin/sh
# Makes Temporal's two databases and brings their schemas up to date. Running it again changes nothing.
set -eu
SQL_PASSWORD=$(cat /run/secrets/postgres_password)
export SQL_PASSWORD

for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*}
  schema=${pair##*:}
  tool() { temporal-sql-tool --plugin postgres12 --ep postgres --port 5432 --user temporal --db "$database" "$@"; }
  tool create
  # Refused where the schema is there already, and then there is nothing to set up.
  tool setup-schema --version 0.0 || echo "The schema of $database is there."
  tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
