"""
Faults that tests ask for. Nothing here acts unless the server was started with --faults, and then only after a
POST to /__testbed/faults of {method?, path?, times?, then one of the actions below}; DELETE forgets all of them.

  delayMs         wait before the work
  status, body?, headers?   answer this instead of doing the work
  cutAfterBytes   send only that many bytes of the body and drop the connection
  dropAnswer      do the work, and drop the connection instead of answering
  corruptChecksum give a wrong checksum for the snapshot that is taken
"""

import asyncio
import re

from aiohttp import web

import answers


class Faults:
    def __init__(self):
        self.waiting = []

    def routes(self):
        return [
            web.post("/__testbed/faults", self._add),
            web.delete("/__testbed/faults", self._forget),
            web.get("/__testbed/faults", self._show),
        ]

    async def _add(self, request):
        fault = await request.json()
        self.waiting.append({"times": 1, **fault})
        return web.json_response(self.waiting)

    async def _forget(self, _request):
        self.waiting = []
        return web.json_response(self.waiting)

    async def _show(self, _request):
        return web.json_response(self.waiting)

    def next_for(self, request):
        """The fault that this request meets, if any; it is counted as met."""
        for fault in self.waiting:
            if fault.get("method", request.method) == request.method and re.search(fault.get("path", ""), request.path):
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.waiting.remove(fault)
                return fault
        return None

    async def answer(self, request, handler, started):
        fault = None if request.path.startswith("/__testbed/") else self.next_for(request)
        if fault is None:
            return await handler(request)
        if "delayMs" in fault:
            await asyncio.sleep(fault["delayMs"] / 1000)
        if "status" in fault:
            response = answers.error(fault["status"], fault.get("body", "Service internal error: a fault"), started)
            response.headers.update(fault.get("headers", {}))
            return response
        request["corrupt"] = fault.get("corruptChecksum", False)
        response = await handler(request)
        if fault.get("dropAnswer"):
            request.transport.abort()
        if "cutAfterBytes" in fault:
            return await self._cut(request, response, fault["cutAfterBytes"])
        return response

    async def _cut(self, request, response, count):
        """Promise the whole body and send only its beginning."""
        if isinstance(response, web.FileResponse):
            with open(response._path, "rb") as file:
                start = request.http_range.start or 0
                file.seek(start)
                body = file.read()
        else:
            body, start = response.body, 0
        cut = web.StreamResponse(status=206 if start else response.status, headers=response.headers)
        cut.headers["Content-Length"] = str(len(body))
        if start:
            cut.headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{start + len(body)}"
        await cut.prepare(request)
        await cut.write(body[:count])
        await asyncio.sleep(0)
        request.transport.close()
        return cut
