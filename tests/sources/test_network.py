"""Whether there is a way to the network is found out in time."""

import socket
import time

import pytest

from dlkit.sources._network import reachable


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_one_open_port_is_enough(port):
    assert reachable([f"http://127.0.0.1:{port}/a.zip"])
    assert reachable(["http://127.0.0.1:9/a.zip", f"http://127.0.0.1:{port}/b.zip"])


def test_a_closed_port_or_an_unknown_name_is_not():
    assert not reachable(["http://127.0.0.1:9/a.zip", "https://nowhere.invalid/a.zip"])
    assert not reachable([])


def test_a_proxy_is_asked_in_place_of_the_host(port, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    assert reachable(["https://nowhere.invalid/a.zip"])
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert not reachable(["https://nowhere.invalid/a.zip"])


def test_a_connection_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda place, timeout: time.sleep(30) or socket.socket())
    start = time.monotonic()
    assert not reachable(["https://nowhere.invalid/a.zip"], seconds=0.2)
    assert time.monotonic() - start < 10
