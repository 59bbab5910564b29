"""Everything that one node keeps in its folder: collections, aliases, its peer id, snapshot files, and room for work."""

import json
import os
import random
import shutil
import threading
import urllib.parse
import uuid

from answers import Refusal, no_collection, wrong_input
from collection import Collection, full_config, read_json, write_json
from snapshots import Snapshots, sha256, stamp, tar, unpack_snapshot, write_snapshot


class Storage:
    def __init__(self, directory, node=0, nodes=1):
        self.directory, self.node, self.nodes = directory, node, nodes
        self.lock = threading.RLock()
        self.creating, self.recovering, self.created = {}, {}, {}
        for part in ("collections", "snapshots"):
            os.makedirs(f"{directory}/{part}", exist_ok=True)
        shutil.rmtree(f"{directory}/tmp", ignore_errors=True)
        os.makedirs(f"{directory}/tmp")
        peer = f"{directory}/peer.json"
        if not os.path.exists(peer):
            write_json(peer, {"peer_id": random.randrange(10**15, 9 * 10**15)})
        self.peer = read_json(peer)["peer_id"]
        aliases = f"{directory}/aliases.json"
        self.aliases = read_json(aliases) if os.path.exists(aliases) else {}
        self.collections = {}
        for entry in os.listdir(f"{directory}/collections"):
            if entry.endswith((".creating", ".dropped")):
                shutil.rmtree(f"{directory}/collections/{entry}")
                continue
            name = urllib.parse.unquote(entry)
            self.collections[name] = Collection.open(f"{directory}/collections/{entry}", name)

    def close(self):
        for collection in self.collections.values():
            collection.close()

    def work(self, name):
        """A new path for work that a restart clears away."""
        return f"{self.directory}/tmp/{name}-{uuid.uuid4().hex[:6]}"

    # Collections and aliases.

    def collection(self, name):
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise no_collection(name)
        return found

    def create(self, name, body):
        return self.create_with(name, full_config(body))

    def create_with(self, name, config):
        with self.lock:
            if name in self.collections or name in self.aliases:
                raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")
            local = [shard for shard in range(config["params"]["shard_number"]) if shard % self.nodes == self.node]
            self.collections[name] = Collection.create(self._folder(name), name, config, local)
            return self.collections[name]

    def drop(self, name):
        with self.lock:
            collection = self.collections.pop(name, None)
            if collection is None:
                return False
            self._set_aliases({alias: of for alias, of in self.aliases.items() if of != name})
            collection.close()
            gone = f"{self._folder(name)}.dropped"
            shutil.rmtree(gone, ignore_errors=True)
            os.rename(self._folder(name), gone)
            shutil.rmtree(gone)
            return True

    def change_aliases(self, actions):
        """One after the other, with nobody asking in between; what was done before an action that fails stays done."""
        with self.lock:
            for action in actions:
                new = dict(self.aliases)
                if "create_alias" in action:
                    of, alias = action["create_alias"]["collection_name"], action["create_alias"]["alias_name"]
                    if of not in self.collections:
                        raise no_collection(of)
                    if alias in self.collections:
                        raise wrong_input(f"Collection with alias name `{alias}` already exists")
                    new[alias] = of
                elif "delete_alias" in action:
                    new.pop(action["delete_alias"]["alias_name"], None)
                else:
                    old, alias = action["rename_alias"]["old_alias_name"], action["rename_alias"]["new_alias_name"]
                    if old not in new:
                        raise Refusal(404, f"Not found: Alias {old} does not exists!")
                    new[alias] = new.pop(old)
                self._set_aliases(new)
        return True

    def _set_aliases(self, aliases):
        write_json(f"{self.directory}/aliases.json", aliases)
        self.aliases = aliases

    def _folder(self, name):
        return f"{self.directory}/collections/{urllib.parse.quote(name, safe='')}"

    # Snapshots.

    def snapshots(self, name):
        return Snapshots(f"{self.directory}/snapshots/{urllib.parse.quote(self.collection(name).name, safe='')}")

    def shard_snapshots(self, name, shard):
        if shard not in self.collection(name).shards:
            raise Refusal(404, f"Not found: Shard {shard} not found")
        return Snapshots(f"{self.snapshots(name).directory}/shards/{shard}")

    @property
    def full_snapshots(self):
        return Snapshots(f"{self.directory}/snapshots")

    def take_snapshot(self, name, corrupt=False):
        collection, kept = self.collection(name), self.snapshots(name)
        self.creating[name] = self.creating.get(name, 0) + 1
        try:
            file = self.work("snapshot")
            write_snapshot(collection, self.peer, self.work("writing"), file)
            found = kept.add(f"{collection.name}-{self.peer}-{stamp()}.snapshot", file)
            self.created[name] = self.created.get(name, 0) + 1
        finally:
            self.creating[name] -= 1
        if corrupt:
            with open(f"{kept.path(found['name'])}.checksum", "w") as checksum:
                checksum.write("0" * 64)
            found = kept.describe(found["name"])
        return found

    def take_shard_snapshot(self, name, shard):
        kept, file = self.shard_snapshots(name, shard), self.work("snapshot")
        write_snapshot(self.collection(name), self.peer, self.work("writing"), file, shard)
        return kept.add(f"{name}-shard-{shard}-{stamp()}.snapshot", file)

    def take_full_snapshot(self):
        work = self.work("full")
        os.makedirs(work)
        mapping = {}
        for name, collection in sorted(self.collections.items()):
            mapping[name] = f"{name}-{self.peer}-{stamp()}.snapshot"
            write_snapshot(collection, self.peer, self.work("writing"), f"{work}/{mapping[name]}")
        write_json(f"{work}/config.json", {"collections_mapping": mapping, "collections_aliases": self.aliases})
        file = self.work("snapshot")
        tar(work, file, [*mapping.values(), "config.json"])
        shutil.rmtree(work)
        return self.full_snapshots.add(f"full-snapshot-{stamp()}.snapshot", file)

    def recover(self, name, file, checksum, said):
        """Replace a collection's points by those of a snapshot file, or make it from that file. Answers its configuration."""
        if checksum and checksum.lower() != (actual := sha256(file)):
            raise Refusal(400, f"Checksum mismatch: expected {actual}, actual {checksum}")
        unpacked = self.work(f"col-{name}-recovery")
        self.recovering[name] = self.recovering.get(name, 0) + 1
        try:
            os.makedirs(unpacked)
            config = unpack_snapshot(file, unpacked, said or unpacked)
            config.pop("uuid", None)
            with self.lock:
                present = self.collections.get(self.aliases.get(name, name))
                if present is None:
                    present = self.create_with(name, config)
                for part in ("vectors", "sparse_vectors", "shard_number"):
                    if present.config["params"].get(part) != config["params"].get(part):
                        raise Refusal(400, f"Bad request: Snapshot is not compatible with existing collection: {part}")
                present.take_over(unpacked)
            return present.config
        finally:
            self.recovering[name] -= 1
            shutil.rmtree(unpacked, ignore_errors=True)


def metrics(storage):
    lines = [
        "# HELP app_info information about qdrant server",
        "# TYPE app_info gauge",
        'app_info{name="qdrant",version="1.18.3"} 1',
        "# HELP collections_total number of collections",
        "# TYPE collections_total gauge",
        f"collections_total {len(storage.collections)}",
        "# HELP collection_points approximate amount of points per collection",
        "# TYPE collection_points gauge",
    ]
    lines += [f"collection_points{{id={json.dumps(name)}}} {one.count({})}" for name, one in storage.collections.items()]
    for metric, kind, said, values in (
        ("snapshot_creation_running", "gauge", "amount of snapshot creations currently running", storage.creating),
        ("snapshot_recovery_running", "gauge", "amount of snapshot recovery operations currently running",
         storage.recovering),  # fmt: skip
        ("snapshot_created_total", "counter", "total amount of snapshots created", storage.created),
    ):
        lines += [f"# HELP {metric} {said}", f"# TYPE {metric} {kind}"]
        lines += [f"{metric}{{id={json.dumps(name)}}} {values.get(name, 0)}" for name in storage.collections]
    return "\n".join(lines) + "\n"
