"""Points: change, count, read and search them."""

import answers
from cluster import HEADER
from handling import collection_of, done, routes, work
from points import order


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
