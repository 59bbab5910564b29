"""What every route works with: the table of routes, the node's storage, and threads for the engine's work."""

import asyncio

from aiohttp import web

from answers import result

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


def storage_of(request):
    return request.app["storage"]


def collection_of(request):
    return storage_of(request).collection(request.match_info["name"])


def done(request, value):
    return result(value, request["started"])
