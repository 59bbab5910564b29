"""Snapshots of a collection, of a shard and of the whole storage; uploads and recoveries."""

import asyncio
import os

import aiohttp
from aiohttp import web

import answers
from answers import Refusal
from handling import background, collection_of, done, routes, storage_of, work


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
