"""
Several stand-ins as one cluster. Each keeps the shards whose number is its own place in the list of peers; what concerns
all of them is passed on to the others with a header, and an answer about all points is put together from all nodes' answers.
There is no consensus: a node that is away makes requests fail.
"""

import aiohttp

from answers import failed

HEADER = "x-testbed-peer"


class Peers:
    def __init__(self, urls, node, key):
        self.urls, self.node, self.key = urls, node, key
        self.session = None

    async def pass_on(self, request, body=None, path=None, method=None):
        """What the other nodes answer to the same request; nothing when this node was itself asked by another one."""
        if HEADER in request.headers:
            return []
        found = []
        for number, url in enumerate(self.urls):
            if number != self.node:
                found.append(await self._ask(url, method or request.method, path or request.path_qs, body))
        return found

    async def _ask(self, url, method, path, body):
        self.session = self.session or aiohttp.ClientSession()
        headers = {HEADER: "1", **({"api-key": self.key} if self.key else {})}
        try:
            async with self.session.request(method, url + path, json=body, headers=headers) as response:
                said = await response.json(content_type=None)
        except aiohttp.ClientError as error:
            raise failed(f"Tonic transport error: the peer {url} does not answer: {error}") from error
        if response.status != 200:
            raise failed(f"the peer {url} answers: {said}")
        return said["result"]

    async def close(self):
        if self.session:
            await self.session.close()

    async def peer_ids(self, request):
        """Peer ids in the order of the nodes, with each one's URL."""
        others = iter(await self.pass_on(request, path="/__peer", method="GET"))
        own = request.app["storage"].peer
        return {number: own if number == self.node else next(others)["peer_id"] for number in range(len(self.urls))}
