"""Snapshot files: written and read as the server does, a tar with one tar for every segment, holes and all."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import time

from answers import Refusal, failed, no_snapshot
from collection import read_json, write_json

VERSION = "0.4.2"  # of the collection's layout, as 1.18 writes it


class Snapshots:
    """The snapshot files of one collection, or of the whole storage, in one folder."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        path = f"{self.directory}/{name}"
        if "/" in name or name.startswith(".") or not name.endswith(".snapshot") or not os.path.isfile(path):
            raise no_snapshot(name)
        return path

    def describe(self, name):
        path = self.path(name)
        status = os.stat(path)
        found = {
            "name": name,
            "creation_time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(status.st_mtime)),
            "size": status.st_size,
        }
        # A file that was uploaded has no checksum beside it, except where it replaced one that had.
        if os.path.exists(f"{path}.checksum"):
            with open(f"{path}.checksum") as file:
                found["checksum"] = file.read()
        return found

    def list(self):
        if not os.path.isdir(self.directory):
            return []
        names = (name for name in os.listdir(self.directory) if name.endswith(".snapshot"))
        return [self.describe(name) for name in sorted(names)]

    def add(self, name, file):
        """Keep a finished file under a name, with its checksum beside it."""
        os.makedirs(self.directory, exist_ok=True)
        with open(f"{self.directory}/{name}.checksum", "w") as checksum:
            checksum.write(sha256(file))
        os.replace(file, f"{self.directory}/{name}")
        return self.describe(name)

    def keep_upload(self, name, file):
        os.makedirs(self.directory, exist_ok=True)
        os.replace(file, f"{self.directory}/{name}")

    def delete(self, name):
        path = self.path(name)
        os.remove(path)
        if os.path.exists(f"{path}.checksum"):
            os.remove(f"{path}.checksum")


def stamp():
    return time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def tar(directory, file, names, *options):
    """Write a tar as the server does: GNU, sparse members, no padding beyond the two closing blocks."""
    fixed = ["--format=gnu", "--sparse", "-b1", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644"]
    done = subprocess.run(
        ["tar", "-c", "-f", file, *fixed, *options, "-C", directory, "--", *names], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise failed(f"File IO error: {done.stderr.strip()}")


def files_below(directory):
    for folder, _, names in sorted(os.walk(directory)):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), directory)


def write_snapshot(collection, peer, work, file, shard=None):
    """Write the snapshot of a collection's shards here, or of only one of them as a shard snapshot."""
    shutil.rmtree(work, ignore_errors=True)
    with collection.lock:
        numbers = sorted(collection.shards) if shard is None else [shard]
        names = []
        for number in numbers:
            collection.shards[number].flush()
            source, prefix = f"{collection.directory}/{number}", "" if shard is not None else f"{number}/"
            os.makedirs(f"{work}/{prefix}segments")
            for segment in sorted(os.listdir(f"{source}/segments")):
                if not os.path.isdir(f"{source}/segments/{segment}"):
                    continue
                name = f"{prefix}segments/{segment}.tar"
                files = list(files_below(f"{source}/segments/{segment}"))
                tar(f"{source}/segments/{segment}", f"{work}/{name}", files, "--transform=s,^,snapshot/files/,")
                # The server leaves the tar of a segment without the two closing blocks.
                os.truncate(f"{work}/{name}", os.path.getsize(f"{work}/{name}") - 1024)
                names.append(name)
            # Hard links: the copy into the tar happens below, still under the collection's lock.
            os.makedirs(f"{work}/{prefix}wal")
            for log in files_below(f"{source}/wal"):
                os.link(f"{source}/wal/{log}", f"{work}/{prefix}wal/{log}")
                names.append(f"{prefix}wal/{log}")
            state = {"is_local": True, "this_peer_id": peer, "peers": {str(peer): "Active"}}
            write_json(f"{work}/{prefix}replica_state.json", state)
            write_json(f"{work}/{prefix}shard_config.json", {"type": "ReplicaSet"})
            names += [f"{prefix}replica_state.json", f"{prefix}shard_config.json"]
        if shard is None:
            with open(f"{work}/version.info", "w") as version:
                version.write(VERSION)
            write_json(f"{work}/config.json", {**collection.config, "uuid": None})
            write_json(f"{work}/shard_key_mapping.json", [])
            write_json(f"{work}/payload_index.json", {"schema": collection.schema})
            names += ["version.info", "config.json", "shard_key_mapping.json", "payload_index.json"]
        tar(work, file, names)
    shutil.rmtree(work)


def unpack_snapshot(file, target, said=None):
    """
    Unpack a collection's snapshot for the engine, or refuse it as the server does when it is cut short or no tar at all.
    `said` is the folder that the refusal names.
    """
    _extract(file, target, said or target, closed=True)
    for number in (entry for entry in os.listdir(target) if entry.isdigit()):
        segments = f"{target}/{number}/segments"
        for name in os.listdir(segments) if os.path.isdir(segments) else []:
            if not name.endswith(".tar"):
                continue
            _extract(f"{segments}/{name}", f"{segments}/{name}.files", said or target, closed=False)
            os.rename(f"{segments}/{name}.files/snapshot/files", f"{segments}/{name.removesuffix('.tar')}")
            os.rmdir(f"{segments}/{name}.files/snapshot")
            os.rmdir(f"{segments}/{name}.files")
            os.remove(f"{segments}/{name}")
    for needed in ("config.json", "version.info"):
        if not os.path.exists(f"{target}/{needed}"):
            raise failed(f"File IO error: failed to open file `{said or target}/{needed}`")
    if not os.path.exists(f"{target}/payload_index.json"):
        write_json(f"{target}/payload_index.json", {"schema": {}})
    return read_json(f"{target}/config.json")


def _extract(file, target, said, closed):
    name = None
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                name = member.name
                if not member.isfile() or name.startswith("/") or ".." in name.split("/"):
                    raise Refusal(400, f"Bad request: Snapshot contains an unexpected entry `{name}`")
                if member.size and member.offset_data > os.path.getsize(file):
                    raise tarfile.ReadError("unexpected end of data")
                archive.extract(member, target)
                name = None
        with open(file, "rb") as stream:
            stream.seek(-1024, os.SEEK_END)
            if closed and stream.read() != bytes(1024):
                raise tarfile.ReadError("Unexpected EOF")
    except (tarfile.TarError, OSError, EOFError) as error:
        if name is not None or not closed:
            raise failed(f"File IO error: failed to unpack `{said}/{name}`") from error
        if "end of data" in str(error) or "EOF" in str(error):
            raise failed("File IO error: Unexpected EOF during skip") from error
        raise failed("File IO error: Malformed tar archive, reached unknown entry") from error
