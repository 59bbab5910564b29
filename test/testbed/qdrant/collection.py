"""One collection: its configuration, and its shards as the engine keeps them on disk."""

import functools
import json
import os
import shutil
import threading
import uuid

import qdrant_edge as engine

from answers import wrong_input
from points import (
    DISTANCES,
    engine_config,
    filter_of,
    nearest,
    order,
    payload_selector,
    point_id,
    points_of,
    record,
)

# What the server fills in where a collection says nothing (version 1.18, as recorded).
PARAMS = {"shard_number": 1, "replication_factor": 1, "write_consistency_factor": 1, "on_disk_payload": True}
DEFAULTS = {
    "hnsw_config": {
        "m": 16,
        "ef_construct": 100,
        "full_scan_threshold": 10000,
        "max_indexing_threads": 0,
        "on_disk": False,
    },
    "optimizer_config": {
        "deleted_threshold": 0.2,
        "vacuum_min_vector_number": 1000,
        "default_segment_number": 0,
        "max_segment_size": None,
        "memmap_threshold": None,
        "indexing_threshold": 10000,
        "flush_interval_sec": 5,
        "max_optimization_threads": None,
        "prevent_unoptimized": None,
    },
    "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1},
}
INDEX_TYPES = {kind.lower(): getattr(engine.PayloadSchemaType, kind) for kind in
               ("Keyword", "Integer", "Float", "Geo", "Text", "Bool", "Datetime", "Uuid")}  # fmt: skip


def full_config(body):
    """The whole configuration from the body of a create request."""
    params = {"vectors": body.get("vectors") or {}, **PARAMS}
    for key in ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload", "sparse_vectors"):
        if body.get(key) is not None:
            params[key] = body[key]
    config = {"params": params}
    for part, defaults in DEFAULTS.items():
        given = body.get("optimizers_config" if part == "optimizer_config" else part) or {}
        config[part] = {**defaults, **given}
    config["quantization_config"] = body.get("quantization_config")
    return config


def shard_of(identity, shards):
    """The shard that keeps a point. The real server uses a hash ring; which shard it is does not matter to its clients."""
    number = identity if isinstance(identity, int) else uuid.UUID(str(identity)).int
    return number * 2654435761 % (1 << 32) % shards


def locked(method):
    @functools.wraps(method)
    def inner(self, *args, **kwargs):
        with self.lock:
            return method(self, *args, **kwargs)

    return inner


def write_json(path, value):
    """Replace a small file so that a crash shows the old one or the new one."""
    with open(path + ".new", "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def read_json(path):
    with open(path) as file:
        return json.load(file)


class Collection:
    def __init__(self, directory, name, config, schema):
        self.directory, self.name, self.config, self.schema = directory, name, config, schema
        self.lock = threading.RLock()
        self.shards = {}
        self.operations = 0

    @classmethod
    def create(cls, directory, name, config, local=None):
        """Make a collection on disk; `local` are the shards that this node keeps, by default all."""
        number = config["params"]["shard_number"]
        made = engine_config(config["params"])
        fresh = f"{directory}.creating"
        shutil.rmtree(fresh, ignore_errors=True)
        for shard in range(number) if local is None else local:
            os.makedirs(f"{fresh}/{shard}")
            engine.EdgeShard.create(f"{fresh}/{shard}", made).close()
        os.makedirs(fresh, exist_ok=True)
        write_json(f"{fresh}/config.json", {**config, "uuid": None})
        write_json(f"{fresh}/payload_index.json", {"schema": {}})
        os.rename(fresh, directory)
        return cls.open(directory, name)

    @classmethod
    def open(cls, directory, name):
        config = read_json(f"{directory}/config.json")
        config.pop("uuid", None)
        collection = cls(directory, name, config, read_json(f"{directory}/payload_index.json")["schema"])
        for entry in os.listdir(directory):
            # A shard whose replacement was interrupted is put back; one that was replaced is thrown away.
            if entry.endswith(".old"):
                shard = f"{directory}/{entry.removesuffix('.old')}"
                if os.path.exists(shard):
                    shutil.rmtree(f"{directory}/{entry}")
                else:
                    os.rename(f"{directory}/{entry}", shard)
        for entry in os.listdir(directory):
            if entry.isdigit():
                collection.shards[int(entry)] = engine.EdgeShard.load(f"{directory}/{entry}")
        return collection

    @locked
    def close(self):
        for shard in self.shards.values():
            shard.flush()
            shard.close()
        self.shards = {}

    @property
    def number(self):
        return self.config["params"]["shard_number"]

    def _operation(self, shard, update, count=1):
        try:
            shard.update(update)
        except Exception as error:
            raise wrong_input(str(error)) from error
        self.operations += count

    @locked
    def upsert(self, body):
        given = points_of(body)
        for number, shard in self.shards.items():
            here = [point for point in given if shard_of(point.id, self.number) == number]
            if here:
                self._operation(shard, engine.UpdateOperation.upsert_points(here))
        return self.operations

    @locked
    def delete(self, body):
        for shard in self.shards.values():
            if "filter" in body:
                self._operation(shard, engine.UpdateOperation.delete_points_by_filter(filter_of(body["filter"])))
            else:
                gone = [point_id(one) for one in body["points"]]
                self._operation(shard, engine.UpdateOperation.delete_points(gone))
        return self.operations

    @locked
    def set_payload(self, body):
        for shard in self.shards.values():
            ids = [one.id for one in shard.retrieve([point_id(one) for one in body["points"]], False, False)]
            if ids:
                self._operation(shard, engine.UpdateOperation.set_payload(ids, body["payload"]))
        return self.operations

    @locked
    def create_index(self, field, schema):
        """Index one payload field. Of an index with parameters the engine here gets only the type."""
        kind = schema["type"] if isinstance(schema, dict) else schema
        if kind not in INDEX_TYPES:
            raise wrong_input(f"unknown variant `{kind}`, expected one of {', '.join(INDEX_TYPES)}")
        for shard in self.shards.values():
            self._operation(shard, engine.UpdateOperation.create_field_index(field, INDEX_TYPES[kind]), 2)
        self.schema[field] = schema
        write_json(f"{self.directory}/payload_index.json", {"schema": self.schema})
        return self.operations

    @locked
    def delete_index(self, field):
        for shard in self.shards.values():
            self._operation(shard, engine.UpdateOperation.delete_field_index(field), 2)
        self.schema.pop(field, None)
        write_json(f"{self.directory}/payload_index.json", {"schema": self.schema})
        return self.operations

    @locked
    def count(self, body):
        wanted = engine.CountRequest(exact=body.get("exact", True), filter=filter_of(body.get("filter")))
        return sum(shard.count(wanted) for shard in self.shards.values())

    @locked
    def points_of_shard(self, number):
        return self.shards[number].count(engine.CountRequest(exact=True))

    @locked
    def scroll(self, body):
        """The points in the order of their ids, and the id at which the next page begins."""
        limit, with_vector = body.get("limit", 10), body.get("with_vector", False)
        offset = None if body.get("offset") is None else point_id(body["offset"])
        found = []
        for shard in self.shards.values():
            page, _ = shard.scroll(
                engine.ScrollRequest(
                    offset=offset,
                    limit=limit + 1,
                    filter=filter_of(body.get("filter")),
                    with_payload=payload_selector(body.get("with_payload", True)),
                    with_vector=with_vector,
                )
            )
            found += page
        found = [record(one, with_vector) for one in sorted(found, key=lambda one: order(one.id))]
        return {"points": found[:limit], "next_page_offset": found[limit]["id"] if len(found) > limit else None}

    @locked
    def retrieve(self, body):
        wanted, with_vector = [point_id(one) for one in body["ids"]], body.get("with_vector", False)
        found = []
        for shard in self.shards.values():
            found += shard.retrieve(wanted, payload_selector(body.get("with_payload", True)), with_vector)
        return [record(one, with_vector) for one in found]

    @locked
    def query(self, body):
        limit, with_vector = body.get("limit", 10), body.get("with_vector", False)
        request = engine.QueryRequest(
            limit=limit,
            query=nearest(body),
            filter=filter_of(body.get("filter")),
            with_payload=payload_selector(body.get("with_payload", False)),
            with_vector=with_vector,
        )
        try:
            found = [one for shard in self.shards.values() for one in shard.query(request)]
        except Exception as error:
            raise wrong_input(str(error)) from error
        nearer = -1 if self._distance(body.get("using")) in ("Cosine", "Dot") else 1
        found.sort(key=lambda one: nearer * one.score)
        return [record(one, with_vector, version=one.version, score=one.score) for one in found[:limit]]

    def _distance(self, using):
        vectors = self.config["params"]["vectors"]
        chosen = vectors if "distance" in vectors else vectors.get(using, {})
        return chosen.get("distance", next(iter(DISTANCES)))

    @locked
    def info(self):
        infos = [shard.info() for shard in self.shards.values()]
        schema = {}
        for field, given in self.schema.items():
            indexed = [one.payload_schema[field].points for one in infos if field in one.payload_schema]
            kind = given["type"] if isinstance(given, dict) else given
            params = {"params": given} if isinstance(given, dict) else {}
            schema[field] = {"data_type": kind, **params, "points": sum(indexed)}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": sum(one.indexed_vectors_count for one in infos),
            "points_count": sum(one.points_count for one in infos),
            "segments_count": sum(one.segments_count for one in infos),
            "config": self.config,
            "payload_schema": schema,
            "update_queue": {"length": 0},
        }

    @locked
    def take_over(self, unpacked):
        """Put the shards of an unpacked snapshot in the place of the present ones."""
        mine = sorted(int(entry) for entry in os.listdir(unpacked) if entry.isdigit())
        for number in mine:
            # The engine opens each new shard before the old one is touched: what can't be opened changes nothing.
            engine.EdgeShard.load(f"{unpacked}/{number}").close()
        for number in mine:
            present = f"{self.directory}/{number}"
            if number in self.shards:
                self.shards.pop(number).close()
                os.rename(present, f"{present}.old")
            os.rename(f"{unpacked}/{number}", present)
            shutil.rmtree(f"{present}.old", ignore_errors=True)
            self.shards[number] = engine.EdgeShard.load(present)
        self.schema = {}
        write_json(f"{self.directory}/payload_index.json", {"schema": {}})
        for field, schema in read_json(f"{unpacked}/payload_index.json")["schema"].items():
            self.create_index(field, schema)
