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

from aiohttp import web

import access
import answers
import collection_routes  # noqa: F401, it adds its routes
import point_routes  # noqa: F401
import snapshot_routes  # noqa: F401
from answers import Refusal
from cluster import Peers
from faults import Faults
from handling import done, routes, storage_of, work
from storage import Storage, metrics

VERSION = {
    "title": "qdrant - vector search engine",
    "version": "1.18.3",
    "commit": "db8fa43fcb6aedec1e739487e17a99731b74590a",
}
STARTUP = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


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
