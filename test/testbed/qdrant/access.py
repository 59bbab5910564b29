"""Who may do what: an API key for everything, another that only reads, and the paths that need none."""

import re

from answers import Refusal

OPEN = {"/", "/healthz", "/readyz", "/livez"}
# Requests that change nothing although they are no GET.
READING = re.compile(r"/points(/(count|scroll|query|search|batch))?$|/points/(query|search)/batch$")


class Unauthorized(Exception):
    pass


def check(request, key, read_only_key):
    if not key or request.path in OPEN:
        return
    given = request.headers.get("api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not given:
        raise Unauthorized("Must provide an API key or an Authorization bearer token")
    if given == key:
        return
    if not read_only_key or given != read_only_key:
        raise Unauthorized("Invalid API key or JWT")
    reads = request.method in ("GET", "HEAD") or (request.method == "POST" and READING.search(request.path))
    if not reads:
        raise Refusal(403, "Forbidden: Global manage access is required")
