"""
A stand-in for a Qdrant server: the real segment engine (qdrant-edge-py) below a thin HTTP layer that answers like version
1.18.3 as far as the recordings beside it and the tests need. Not for production: one lock a collection, no consensus.

    server.py --directory DIR --port PORT [--peers URL,URL --node N] [--faults]

API keys come from the environment as they do for the real server: QDRANT__SERVICE__API_KEY, QDRANT__SERVICE__READ_ONLY_API_KEY.
"""

import argparse
import asyncio
import json
import os
import time

import aiohttp
from aiohttp import web

import access
import answers
from answers import Refusal, result
from cluster import HEADER, Peers
from faults import Faults
from points import order
from storage import Storage, metrics

VERSION = {
    "title": "qdrant - vector search engine",
    "version": "1.18.3",
    "commit": "db8fa43fcb6aedec1e739487e17a99731b74590a",
}
STARTUP = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
routes = web.RouteTableDef()
background = set()


async def work(function, *arguments):
    """
    Do the engine's work on a thread. As on the real server, it goes on when the client has gone.
    """
    task = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    background.add(task)
    task.add_done_callback(background.discard)
    return await asyncio.shield(task)


@web.middleware
async def answer(request, handler):
    started = request["started"] = time.monotonic()
    try:
        access.check(request, request.app["key"], request.app["read_only_key"])
        name = request.match_info.get("name")
        if name is not None:
            check_name(name)
        if request.app["faults"]:
            return await request.app["faults"].answer(request, handler, started)
        return await handler(request)
    except access.Unauthorized as error:
        return answers.text(401, str(error))
    except Refusal as error:
        return answers.error(error.status, error.message, started)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return answers.nothing()
    except web.HTTPException:
        raise
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        return answers.error(400, f"Format error in JSON body: {error!r}", started)
    except Exception as error:
        return answers.error(500, f"Service internal error: {error!r}", started)


def check_name(name):
    if "/" in name:
        raise Refusal(
            422,
            'Validation error in path parameters: [collection_name: collection name cannot contain "/" char]',
        )


def storage_of(request):
    return request.app["storage"]


def collection_of(request):
    return storage_of(request).collection(request.match_info["name"])


def done(request, value):
    return result(value, request["started"])


# The server itself.


@routes.get("/")
async def root(_request):
    return web.Response(body=json.dumps(VERSION).encode(), headers={"Content-Type": "application/json"})


@routes.get("/healthz")
@routes.get("/livez")
async def healthz(_request):
    return answers.text(200, "healthz check passed")


@routes.get("/readyz")
async def readyz(_request):
    return answers.text(200, "all shards are ready")


@routes.get("/telemetry")
async def telemetry(request):
    app = {"name": "qdrant", "version": VERSION["version"], "startup": STARTUP}
    return done(request, {"app": app, "collections": {"number_of_collections": len(storage_of(request).collections)}})


@routes.get("/metrics")
async def show_metrics(request):
    return answers.text(200, await work(metrics, storage_of(request)))


@routes.get("/cluster")
async def cluster(request):
    peers = request.app["peers"]
    if len(peers.urls) == 1:
        return done(request, {"status": "disabled"})
    ids = await peers.peer_ids(request)
    raft = {"term": 1, "commit": 6, "pending_operations": 0, "leader": ids[0], "is_voter": True}
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
    return done(
        request,
        {
            "status": "enabled",
            "peer_id": storage_of(request).peer,
            "peers": {str(peer): {"uri": peers.urls[number] + "/"} for number, peer in ids.items()},
            "raft_info": {**raft, "role": "Leader" if peers.node == 0 else "Follower"},
            "consensus_thread_status": {"consensus_thread_status": "working", "last_update": now},
            "message_send_failures": {},
        },
    )


@routes.get("/__peer")
async def peer(request):
    return done(request, {"peer_id": storage_of(request).peer})


# Collections and aliases.


@routes.get("/collections")
async def collections(request):
    return done(request, {"collections": [{"name": name} for name in sorted(storage_of(request).collections)]})


@routes.post("/collections/aliases")
async def change_aliases(request):
    body = await request.json()
    await work(storage_of(request).change_aliases, body["actions"])
    await request.app["peers"].pass_on(request, body)
    return done(request, True)


@routes.get("/aliases")
async def aliases(request):
    return done(request, {"aliases": list_aliases(storage_of(request))})


@routes.get("/collections/{name}/aliases")
async def collection_aliases(request):
    return done(request, {"aliases": list_aliases(storage_of(request), collection_of(request).name)})


def list_aliases(storage, collection=None):
    pairs = sorted(storage.aliases.items())
    return [{"alias_name": alias, "collection_name": of} for alias, of in pairs if collection in (None, of)]


@routes.put("/collections/{name}")
async def create_collection(request):
    body = await request.json()
    await work(storage_of(request).create, request.match_info["name"], body)
    await request.app["peers"].pass_on(request, body)
    return done(request, True)


@routes.get("/collections/{name}")
async def collection_info(request):
    info = await work(collection_of(request).info)
    for other in await request.app["peers"].pass_on(request):
        for field in ("points_count", "segments_count", "indexed_vectors_count"):
            info[field] += other[field]
    return done(request, info)


@routes.delete("/collections/{name}")
async def delete_collection(request):
    dropped = await work(storage_of(request).drop, request.match_info["name"])
    await request.app["peers"].pass_on(request)
    return done(request, dropped)


@routes.get("/collections/{name}/exists")
async def exists(request):
    name = request.match_info["name"]
    storage = storage_of(request)
    return done(request, {"exists": storage.aliases.get(name, name) in storage.collections})


@routes.get("/collections/{name}/cluster")
async def collection_cluster(request):
    collection = collection_of(request)
    ids = await request.app["peers"].peer_ids(request)
    local = [
        {"shard_id": shard, "points_count": await work(collection.points_of_shard, shard), "state": "Active"}
        for shard in sorted(collection.shards)
    ]
    remote = [
        {"shard_id": shard, "peer_id": ids[shard % len(ids)], "state": "Active"}
        for shard in range(collection.number)
        if shard not in collection.shards
    ]
    state = {"peer_id": storage_of(request).peer, "shard_count": collection.number}
    return done(request, {**state, "local_shards": local, "remote_shards": remote, "shard_transfers": []})


@routes.put("/collections/{name}/index")
async def create_index(request):
    body = await request.json()
    operation = await work(collection_of(request).create_index, body["field_name"], body["field_schema"])
    await request.app["peers"].pass_on(request, body)
    return done(request, {"operation_id": operation, "status": "completed"})


@routes.delete("/collections/{name}/index/{field}")
async def delete_index(request):
    operation = await work(collection_of(request).delete_index, request.match_info["field"])
    await request.app["peers"].pass_on(request)
    return done(request, {"operation_id": operation, "status": "completed"})


# Points.


def change(method, path, action):
    @routes.route(method, path)
    async def changes(request):
        body = await request.json()
        operation = await work(getattr(collection_of(request), action), body)
        await request.app["peers"].pass_on(request, body)
        return done(request, {"operation_id": operation, "status": "completed"})


change("PUT", "/collections/{name}/points", "upsert")
change("POST", "/collections/{name}/points/delete", "delete")
change("POST", "/collections/{name}/points/payload", "set_payload")


@routes.post("/collections/{name}/points/count")
async def count(request):
    body = await request.json()
    total = await work(collection_of(request).count, body)
    total += sum(other["count"] for other in await request.app["peers"].pass_on(request, body))
    return done(request, {"count": total})


@routes.post("/collections/{name}/points/scroll")
async def scroll(request):
    body = await request.json()
    pages = [await work(collection_of(request).scroll, body)]
    pages += await request.app["peers"].pass_on(request, body)
    # A page of every node begins at the same id, so the first ids of all of them are the next ones of the whole.
    points = sorted((one for page in pages for one in page["points"]), key=lambda one: order(one["id"]))
    limit = body.get("limit", 10)
    rest = [one["id"] for one in points[limit:]]
    rest += [page["next_page_offset"] for page in pages if page["next_page_offset"] is not None]
    return done(request, {"points": points[:limit], "next_page_offset": min(rest, key=order) if rest else None})


@routes.post("/collections/{name}/points")
async def retrieve(request):
    body = await request.json()
    found = await work(collection_of(request).retrieve, body)
    return done(request, found + [one for other in await request.app["peers"].pass_on(request, body) for one in other])


@routes.get("/collections/{name}/points/{id}")
async def point(request):
    given = request.match_info["id"]
    body = {"ids": [int(given) if given.isdigit() else given], "with_vector": True}
    found = await work(collection_of(request).retrieve, body)
    found += [one for one in await request.app["peers"].pass_on(request) if one]
    if HEADER in request.headers:
        return done(request, found[0] if found else None)
    if not found:
        raise answers.not_found(f"Point with id {given} does not exists!")
    return done(request, found[0])


@routes.post("/collections/{name}/points/query")
async def query(request):
    body = await request.json()
    return done(request, {"points": await work(collection_of(request).query, body)})


@routes.post("/collections/{name}/points/search")
async def search(request):
    body = await request.json()
    return done(request, await work(collection_of(request).query, body))


# Snapshots.


async def take(request, function, *arguments):
    if request.query.get("wait", "true") == "false":
        task = asyncio.ensure_future(work(function, *arguments))
        background.add(task)
        task.add_done_callback(background.discard)
        return answers.accepted(request["started"])
    return done(request, await work(function, *arguments))


def download(kept, name):
    try:
        path = kept.path(name)
    except Refusal as refusal:
        return answers.text(refusal.status, refusal.message)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


@routes.post("/collections/{name}/snapshots")
async def create_snapshot(request):
    collection_of(request)
    return await take(
        request, storage_of(request).take_snapshot, request.match_info["name"], request.get("corrupt", False)
    )


@routes.get("/collections/{name}/snapshots")
async def snapshots(request):
    return done(request, storage_of(request).snapshots(request.match_info["name"]).list())


@routes.get("/collections/{name}/snapshots/{snapshot}")
async def download_snapshot(request):
    return download(storage_of(request).snapshots(request.match_info["name"]), request.match_info["snapshot"])


@routes.delete("/collections/{name}/snapshots/{snapshot}")
async def delete_snapshot(request):
    storage_of(request).snapshots(request.match_info["name"]).delete(request.match_info["snapshot"])
    return done(request, True)


@routes.post("/collections/{name}/snapshots/upload")
async def upload_snapshot(request):
    name, storage = request.match_info["name"], storage_of(request)
    async for part in await request.multipart():
        if part.name != "snapshot":
            continue
        file = storage.work("upload")
        with open(file, "wb") as out:
            while block := await part.read_chunk(1 << 20):
                out.write(block)
        # Kept under the name that it came with, in the place of a snapshot of that name, whatever becomes of it.
        await recover(request, name, file, request.query.get("checksum"), os.path.basename(part.filename or "upload"))
        return done(request, True)
    raise Refusal(400, "Multipart error: Field `snapshot` is required")


@routes.put("/collections/{name}/snapshots/recover")
async def recover_snapshot(request):
    name, storage, body = request.match_info["name"], storage_of(request), await request.json()
    location = body["location"]
    if location.startswith("file://"):
        path = location.removeprefix("file://")
        if not os.path.isfile(path) or not path.startswith(f"{storage.directory}/snapshots/"):
            raise Refusal(400, f'Bad request: Snapshot file "{path}" does not exist')
        await recover(request, name, path, body.get("checksum"))
        return done(request, True)
    file = storage.work(os.path.basename(location)) + ".download"
    headers = {"api-key": body["api_key"]} if "api_key" in body else {}
    try:
        async with aiohttp.ClientSession() as session, session.get(location, headers=headers) as response:
            if response.status != 200:
                raise Refusal(400, f"Bad request: Failed to download snapshot from {location}: status - {response.status}")
            with open(file, "wb") as out:
                async for block in response.content.iter_chunked(1 << 20):
                    out.write(block)
        # The real server unpacks while it downloads, so a broken file is found before its checksum is.
        try:
            await recover(request, name, file, None)
        except Refusal as refusal:
            why = refusal.message.replace("File IO error", "Failed to unpack tar archive")
            raise Refusal(refusal.status, why) from refusal
    except aiohttp.ClientError as error:
        raise answers.failed(f"error sending request for url ({location}): {error}") from error
    finally:
        if os.path.exists(file):
            os.remove(file)
    return done(request, True)


async def recover(request, name, file, checksum, keep_as=None):
    storage = storage_of(request)
    new = storage.aliases.get(name, name) not in storage.collections

    def replace():
        refused = None
        try:
            return storage.recover(name, file, checksum, None)
        except Refusal as refusal:
            refused = refusal.status
            raise
        finally:
            # A checksum that does not hold is found before the upload is kept at all.
            known = storage.aliases.get(name, name) in storage.collections
            if keep_as and known and refused != 400:
                storage.snapshots(name).keep_upload(keep_as, file)
            elif keep_as:
                os.remove(file)

    config = await work(replace)
    if new:
        await request.app["peers"].pass_on(request, config, f"/__peer/collections/{name}", "PUT")


@routes.put("/__peer/collections/{name}")
async def adopt_collection(request):
    """Another node made this collection from a snapshot: this one gets its own, empty, shards of it."""
    config = await request.json()
    if request.match_info["name"] not in storage_of(request).collections:
        await work(storage_of(request).create_with, request.match_info["name"], config)
    return done(request, True)


@routes.post("/collections/{name}/shards/{shard}/snapshots")
async def create_shard_snapshot(request):
    name, shard = request.match_info["name"], int(request.match_info["shard"])
    return await take(request, storage_of(request).take_shard_snapshot, name, shard)


def shard_snapshots_of(request):
    return storage_of(request).shard_snapshots(request.match_info["name"], int(request.match_info["shard"]))


@routes.get("/collections/{name}/shards/{shard}/snapshots")
async def shard_snapshots(request):
    return done(request, shard_snapshots_of(request).list())


@routes.get("/collections/{name}/shards/{shard}/snapshots/{snapshot}")
async def download_shard_snapshot(request):
    return download(shard_snapshots_of(request), request.match_info["snapshot"])


@routes.delete("/collections/{name}/shards/{shard}/snapshots/{snapshot}")
async def delete_shard_snapshot(request):
    shard_snapshots_of(request).delete(request.match_info["snapshot"])
    return done(request, True)


@routes.post("/snapshots")
async def create_full_snapshot(request):
    return await take(request, storage_of(request).take_full_snapshot)


@routes.get("/snapshots")
async def full_snapshots(request):
    return done(request, storage_of(request).full_snapshots.list())


@routes.get("/snapshots/{snapshot}")
async def download_full_snapshot(request):
    return download(storage_of(request).full_snapshots, request.match_info["snapshot"])


@routes.delete("/snapshots/{snapshot}")
async def delete_full_snapshot(request):
    storage_of(request).full_snapshots.delete(request.match_info["snapshot"])
    return done(request, True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--directory", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--peers", default="")
    options.add_argument("--node", type=int, default=0)
    options.add_argument("--faults", action="store_true")
    given = options.parse_args()
    urls = given.peers.split(",") if given.peers else [f"http://127.0.0.1:{given.port}"]

    app = web.Application(client_max_size=0, middlewares=[answer])
    app["key"] = os.environ.get("QDRANT__SERVICE__API_KEY")
    app["read_only_key"] = os.environ.get("QDRANT__SERVICE__READ_ONLY_API_KEY")
    app["faults"] = Faults() if given.faults else None
    app["storage"] = Storage(os.path.abspath(given.directory), given.node, len(urls))
    app["peers"] = Peers(urls, given.node, app["key"])
    if app["faults"]:
        app.add_routes(app["faults"].routes())
    app.add_routes(routes)

    async def close(app):
        await app["peers"].close()
        await asyncio.to_thread(app["storage"].close)

    app.on_cleanup.append(close)
    web.run_app(app, host="127.0.0.1", port=given.port, print=None, access_log=None, shutdown_timeout=2)


if __name__ == "__main__":
    main()
