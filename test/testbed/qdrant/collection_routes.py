"""Collections, aliases and payload indexes."""

from handling import collection_of, done, routes, storage_of, work


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
