"""Is there a way to the network? Asked before anything that would wait for minutes to find out."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PORTS = {"http": 80, "https": 443, "ftp": 21}


def reachable(urls: Iterable[str], seconds: float = 3.0) -> bool:
    """Whether a connection to the host of one of the URLs, or to its proxy, opens within that time.

    All are tried at once, in threads, since a look-up of a name cannot be given a time limit.
    """
    answers: list[bool] = []
    places = {_host_and_port(url) for url in urls}

    def connect(place: tuple[str, int]) -> None:
        try:
            socket.create_connection(place, timeout=seconds).close()
            answers.append(True)
        except (OSError, UnicodeError):
            answers.append(False)

    for place in places:
        Thread(target=connect, args=(place,), daemon=True).start()
    deadline = time.monotonic() + seconds
    while len(answers) < len(places) and True not in answers and time.monotonic() < deadline:
        time.sleep(0.02)
    return True in answers


def _host_and_port(url: str) -> tuple[str, int]:
    """Whom to ask for the URL: its host, or the proxy that the environment names."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
