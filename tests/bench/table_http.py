# SPDX-License-Identifier: MIT
"""The web server of kit/samples/http behind dom0's switch, asked from this machine for a page of 1 KiB: instructions in all domains for each request
(-icount), and requests per second, in which this machine's own time is."""

import http.client
import os
import tarfile
import tempfile
import threading
import time

from busy import API_PORT, DOM0_ARGS, Busy
from driver import CONSOLE, DOM0, INITRD, PROMPT, Failure, boot
from test_network import free_ports, user_network
from test_samples import archive, sample

REQUESTS, CONNECTIONS = 400, 8
PAGE = b"<p>" + b"x" * 1017 + b"</p>"


def archive_with_page(folder):
    """The sample's files and the page."""
    page, tar = os.path.join(folder, "page.html"), os.path.join(folder, "http.tar")
    with open(page, "wb") as file:
        file.write(PAGE)
    with tarfile.open(archive("http")) as old, tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
        new.add(page, "page.html")
    return tar


def ask(port, requests, keep):
    """Requests one after the other, on one connection or one each."""
    connection = None
    for _ in range(requests):
        connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/page.html", headers={"Connection": "keep-alive" if keep else "close"})
        answer = connection.getresponse()
        if answer.read() != PAGE:
            raise Failure(f"another page: {answer.status}")
        if not keep or answer.will_close:
            connection.close()
            connection = None


def ask_at_once(port, requests, keep):
    threads = [threading.Thread(target=ask, args=(port, requests // CONNECTIONS, keep)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(session_ports, what, function, keep):
    web, api = session_ports
    function(web, CONNECTIONS, keep)
    start = time.monotonic()
    with Busy(api) as busy:
        function(web, REQUESTS, keep)
    seconds = time.monotonic() - start
    return [(f"{what}: all domains", "instructions", round(busy.total / REQUESTS), None),
            (f"{what}: the guest", "instructions", round(busy.ns[1] / REQUESTS), None),
            (f"{what}: with this machine's client", "1/s", round(REQUESTS / seconds), None)]  # fmt: skip


def rows():
    web, api = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="ryokan-bench-") as folder:
        modules = [(DOM0, DOM0_ARGS), (INITRD, ""), (sample("http"), ""), (archive_with_page(folder), "")]
        extra = user_network({web: ("10.0.2.16", 80), api: ("10.0.2.15", API_PORT)}) + ["-icount", "shift=0,sleep=on"]
        append = CONSOLE + " domain=web,kernel=2,ramdisk=3,mem=64M"
        with boot("bench_http", lifetime=600, memory="1G", append=append, modules=modules, extra=extra) as session:
            session.expect(PROMPT.rstrip("$"))
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            session.send("xl network-attach web\r")
            session.expect("http: serving http://10.0.2.16/")
            return [row for what, function, keep in (
                ("HTTP request on a connection of its own", ask, False), ("HTTP request on a kept connection", ask, True),
                (f"HTTP request, {CONNECTIONS} kept connections at once", ask_at_once, True),
            ) for row in measure((web, api), what, function, keep)]  # fmt: skip
