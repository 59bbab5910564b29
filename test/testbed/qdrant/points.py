"""Points, vectors and filters between the JSON of the HTTP interface and the engine's own types."""

import uuid

import qdrant_edge as engine

from answers import single, wrong_input

DISTANCES = {name: getattr(engine.Distance, name) for name in ("Cosine", "Dot", "Euclid", "Manhattan")}


def engine_config(params):
    """The engine's configuration from the `params` of a collection: one unnamed vector, or named ones, dense and sparse."""
    vectors = params.get("vectors") or {}
    if "size" in vectors:
        dense = _dense(vectors)
    else:
        dense = {name: _dense(one) for name, one in vectors.items()} or None
    sparse = {name: engine.EdgeSparseVectorParams() for name in params.get("sparse_vectors") or {}} or None
    return engine.EdgeConfig(vectors=dense, sparse_vectors=sparse, on_disk_payload=params.get("on_disk_payload"))


def _dense(given):
    if given.get("distance") not in DISTANCES:
        raise wrong_input(f"unknown variant `{given.get('distance')}`, expected one of {', '.join(DISTANCES)}")
    if not isinstance(given.get("size"), int) or given["size"] < 1:
        raise wrong_input("vectors.size must be 1 or larger")
    multi = engine.MultiVectorConfig(engine.MultiVectorComparator.MaxSim) if given.get("multivector_config") else None
    return engine.EdgeVectorParams(
        given["size"], DISTANCES[given["distance"]], on_disk=given.get("on_disk"), multivector_config=multi
    )


def point_id(given):
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise wrong_input(f"{given!r} is not a valid point ID, valid values are either an unsigned integer or a UUID")
    if isinstance(given, int):
        if given < 0:
            raise wrong_input(f"value {given} is not a valid point ID, valid values are either an unsigned integer or a UUID")
        return given
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise wrong_input(
            f"value {given} is not a valid point ID, valid values are either an unsigned integer or a UUID"
        ) from None


def order(identity):
    """Numbers come before UUIDs, each in their own order."""
    return (0, identity, "") if isinstance(identity, int) else (1, 0, str(identity))


def _vector(given):
    if isinstance(given, dict):
        if set(given) == {"indices", "values"}:
            return engine.SparseVector(given["indices"], given["values"])
        return {name: _vector(one) for name, one in given.items()}
    return given


def points_of(body):
    """The points of an upsert, given one by one or as a batch of columns."""
    if "points" in body:
        return [engine.Point(point_id(p["id"]), _vector(p["vector"]), p.get("payload") or {}) for p in body["points"]]
    batch = body.get("batch")
    if not batch:
        raise Exception("data did not match any variant of untagged enum PointInsertOperations")
    ids, vectors, payloads = batch["ids"], batch["vectors"], batch.get("payloads") or [None] * len(batch["ids"])
    if isinstance(vectors, dict):
        rows = [{name: column[i] for name, column in vectors.items()} for i in range(len(ids))]
    else:
        rows = vectors
    return [engine.Point(point_id(i), _vector(v), p or {}) for i, v, p in zip(ids, rows, payloads, strict=True)]


def _vector_json(value):
    if isinstance(value, engine.SparseVector):
        return {"indices": list(value.indices), "values": [single(v) for v in value.values]}
    if isinstance(value, dict):
        return {name: _vector_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_vector_json(one) for one in value]
    return single(value)


def record(point, with_vector, **more):
    found = {"id": point.id if isinstance(point.id, int) else str(point.id), **more}
    if point.payload is not None:
        found["payload"] = point.payload
    if with_vector and point.vector is not None:
        found["vector"] = _vector_json(point.vector)
    return found


def payload_selector(given):
    if isinstance(given, dict):
        return engine.PayloadSelector.Include(given["include"]) if "include" in given else True
    return given


def nearest(body):
    """The query of `query` (where only "nearest" is understood) or of the older `search`."""
    wanted, using = body.get("query", body.get("vector")), body.get("using")
    if isinstance(wanted, dict) and "nearest" in wanted:
        wanted = wanted["nearest"]
    if isinstance(wanted, dict) and set(wanted) == {"name", "vector"}:
        wanted, using = wanted["vector"], wanted["name"]
    return None if wanted is None else engine.Query.Nearest(_vector(wanted), using)


def filter_of(given):
    if given is None:
        return None
    parts = {}
    for part in ("must", "should", "must_not"):
        if part in given:
            conditions = given[part] if isinstance(given[part], list) else [given[part]]
            parts[part] = [_condition(one) for one in conditions]
    return engine.Filter(**parts)


def _condition(given):
    if "has_id" in given:
        return engine.HasIdCondition({point_id(one) for one in given["has_id"]})
    if "is_empty" in given:
        return engine.IsEmptyCondition(given["is_empty"]["key"])
    if "is_null" in given:
        return engine.IsNullCondition(given["is_null"]["key"])
    if "key" not in given:
        return filter_of(given)
    if "range" in given:
        return engine.FieldCondition(given["key"], range=engine.RangeFloat(**given["range"]))
    match = given.get("match", {})
    if "value" in match:
        return engine.FieldCondition(given["key"], match=engine.MatchValue(match["value"]))
    if "any" in match:
        return engine.FieldCondition(given["key"], match=engine.MatchAny(match["any"]))
    raise wrong_input(f"the stand-in does not understand the condition {given}")
