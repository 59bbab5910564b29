"""How the server words its answers: the envelope of results, and errors with the status that goes with them."""

import json
import struct
import time

from aiohttp import web


class Refusal(Exception):
    """An error with the status and the sentence that the real server gives."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(what):
    return Refusal(404, f"Not found: {what}")


def no_collection(name):
    return not_found(f"Collection `{name}` doesn't exist!")


def no_snapshot(name):
    return not_found(f"Snapshot {name} not found")


def wrong_input(why):
    return Refusal(400, f"Wrong input: {why}")


def failed(why):
    return Refusal(500, f"Service internal error: {why}")


def result(value, started):
    return _json({"result": value, "status": "ok", "time": _since(started)})


def accepted(started):
    return _json({"status": "accepted", "time": _since(started)}, 202)


def error(status, message, started):
    return _json({"status": {"error": message}, "time": _since(started)}, status)


def text(status, words):
    return web.Response(status=status, text=words, content_type="text/plain", charset="utf-8")


def nothing():
    """What an unknown path or method gets: 404 without a body or a type."""
    return web.Response(status=404, headers={"Content-Length": "0"}, body=b"")


def _json(value, status=200):
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    # Set by hand, because the real server gives no charset.
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json"})


def _since(started):
    return round(time.monotonic() - started, 9)


def single(number):
    """The shortest text of a 32-bit float, as the server prints it: the engine hands out the same number as a 64-bit one."""
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if struct.unpack("f", struct.pack("f", short))[0] == number:
            return short
    return float(f"{number:.9g}")
