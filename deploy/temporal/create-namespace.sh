#!/bin/sh
# Makes Lifeboat's namespace, with a history long enough for the status page's calendar.
set -eu
: "${TEMPORAL_ADDRESS:=temporal:7233}" "${NAMESPACE:=lifeboat}" "${RETENTION:=2400h}"
export TEMPORAL_ADDRESS

tries=0
until temporal operator cluster health; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo "Temporal at $TEMPORAL_ADDRESS is not healthy." >&2; exit 1; }
  sleep 2
done
temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"
# It takes a moment until every part of the server knows it.
until temporal workflow list --namespace "$NAMESPACE" --limit 1 >/dev/null 2>&1; do sleep 1; done
echo "The namespace $NAMESPACE is there."
