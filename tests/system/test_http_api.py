# SPDX-License-Identifier: MIT
"""dom0's HTTP API, asked from the host."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading

from driver import BUILD, CONSOLE, DOM0, PROMPT, Failure, boot, check, dom0_files, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
SECRET = "a-word-that-nobody-guesses"


class Api:
    """Requests to port 8006 of dom0."""

    def __init__(self, port):
        self.port = port

    def raw(self, data):
        """Sends bytes; returns all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as connection:
            connection.sendall(data)
            answer = b""
            while True:
                more = connection.recv(65536)
                if not more:
                    return answer.decode()
                answer += more

    def ask(self, method, path, body=None, secret=SECRET, expected=200, timeout=120):
        """One request; returns the body of the answer, from JSON if it is that."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        check(response.status == expected, f"{method} {path} is answered with {response.status}: {text}")
        return json.loads(text) if response.getheader("Content-Type") == "application/json" else text


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(function, wanted, what):
    for _ in range(200):
        if wanted(function()):
            return
    raise Failure(f"{what} does not come about: {function()}")


def check_domain_life(api):
    created = api.ask("POST", "/v1/domains", "kernel='/guest/answer'; name='web'; memory=8; vcpus=1", expected=201)
    check(created == {"domid": 1}, f"{created}")
    check([one["name"] for one in api.ask("GET", "/v1/domains")] == ["Domain-0", "web"], "the list is another")
    check(api.ask("GET", "/v1/domains/web")["memory_kib"] == 8192, "its memory is another")
    check(api.ask("POST", "/v1/domains/web/console", "hello\r") == {"typed": 6}, "not all was typed")
    wait_for(lambda: api.ask("GET", "/v1/domains/1/console"), lambda text: text == "ready\r\nanswer: hello\r\n", "the answer")
    api.ask("POST", "/v1/domains/web/pause")
    check(api.ask("GET", "/v1/domains/web")["state"] == "paused", "it is not paused")
    api.ask("POST", "/v1/domains/web/unpause")
    api.ask("POST", "/v1/domains/web/memory", '{"kib": 6144}')
    wait_for(lambda: api.ask("GET", "/v1/domains/web")["memory_kib"], lambda kib: kib == 6144, "less memory")
    metrics = api.ask("GET", "/metrics")
    for line in r"^ryokan_domains 2$", r'^ryokan_domain_memory_bytes{domid="1",name="web"} 6291456$', r"^ryokan_cpus 1$", \
            r'^ryokan_domain_event_channels{domid="1",name="web",state="interdomain"} 2$', \
            r'^ryokan_domain_event_channels{domid="0",name="Domain-0",state="pirq"} [1-9]\d*$', \
            r'^ryokan_domain_cpu_seconds_total{domid="0",name="Domain-0"} \d+\.\d+$', \
            r'^ryokan_port_bytes_total{switch="xenbr0",port="\w+",direction="in"} [1-9]\d*$':  # fmt: skip
        check(re.search(line, metrics, re.M), f"/metrics has no /{line}/:\n{metrics}")
    check("ryokan_domain_exits_total{" not in metrics, "a PV domain has exits")
    api.ask("POST", "/v1/domains", "type='pvh'; kernel='/guest/answer'; name='hw'; memory=8", expected=201)
    wait_for(lambda: api.ask("GET", "/metrics"),
             lambda text: re.search(r'^ryokan_domain_exits_total{domid="2",name="hw",reason="hypercall"} [1-9]\d*$', text, re.M), "exits")
    api.ask("DELETE", "/v1/domains/hw")
    api.ask("DELETE", "/v1/domains/web")
    api.ask("GET", "/v1/domains/web", expected=404)


def gave_way(connection):
    """Whether the connection was closed without an answer; waits for the one or the other."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def check_many_connections(api):
    """Connections that are held open, by saying nothing or half a request, keep nobody out: some of them are closed for it, without an answer.
    One whose time is over is told so."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", api.port), timeout=120)) for _ in range(40)]
        for idle in held[::2]:
            idle.sendall(b"GET / HTTP/1.1\r\n")
        check(api.ask("GET", "/v1/host")["cpus"] == 1, "another number of CPUs")
        check(any(gave_way(idle) for idle in held), "none of 40 idle connections gave way")


def check_kept_connections(api):
    """One connection takes several requests, and its bodies are told apart."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=120)
    headers = {"Authorization": f"Bearer {SECRET}"}
    for path in "/v1/host", "/nothing", "/v1/domains", "/metrics":
        connection.request("GET", path, headers=headers)
        if path == "/v1/host":
            kept = connection.sock
        response = connection.getresponse()
        check(response.getheader("Connection") == "keep-alive" and len(response.read()) > 10, f"{path}: {response.getheaders()}")
        check(connection.sock is kept, f"another connection is used for {path}")
    connection.close()
    address = f"http://127.0.0.1:{api.port}/v1/host"
    curl = ["curl", "-sS", "--max-time", "120", "-H", f"Authorization: Bearer {SECRET}", "-w", "%{num_connects}\n", address, address]
    done = subprocess.run(curl, capture_output=True, text=True, check=False)
    lines = done.stdout.split("\n")
    check([lines[1], lines[3]] == ["1", "0"] and lines[0] == lines[2], f"curl says {done.stdout}{done.stderr}")


class Waiting(threading.Thread):
    """Asks for a domain's end; `answer` is there after join()."""

    def __init__(self, api, domain):
        super().__init__()
        self.api, self.domain, self.answer = api, domain, None
        self.start()

    def run(self):
        self.answer = self.api.ask("GET", f"/v1/domains/{self.domain}?wait=exit&seconds=300", timeout=None)

    def expect(self, **answer):
        self.join()
        check(self.answer == answer, f"the end of {self.domain} is told as {self.answer}")


def check_ends(api):
    def create(name, more=""):
        return api.ask("POST", "/v1/domains", f"kernel='/guest/answer'; name='{name}'; memory=8; {more}", expected=201)["domid"]

    first, second, third = create("first"), create("second"), create("third", "on_crash='restart'")
    waiting = [Waiting(api, "first"), Waiting(api, first), Waiting(api, second), Waiting(api, "third")]
    check(api.ask("GET", f"/v1/domains/{first}?wait=exit&seconds=1") == {"domid": first, "ended": False}, "it ended early")
    api.ask("POST", "/v1/domains/first/console", "quit\r")
    waiting[0].expect(domid=first, ended=True, how="poweroff")
    waiting[1].expect(domid=first, ended=True, how="poweroff")
    api.ask("DELETE", "/v1/domains/second")
    waiting[2].expect(domid=second, ended=True, how="destroyed")
    api.ask("POST", "/v1/domains/third/console", "abort\r")
    waiting[3].join()
    successor = waiting[3].answer["successor"]
    waiting[3].expect(domid=third, ended=True, how="crash", successor=successor)
    check(api.ask("GET", "/v1/domains/third")["domid"] == successor, "it is not the successor")
    # What has ended already is told at once.
    for domid, how in (first, "poweroff"), (second, "destroyed"), (third, "crash"):
        check(api.ask("GET", f"/v1/domains/{domid}?wait=exit&seconds=300")["how"] == how, f"domain {domid} did not end by {how}")
    api.ask("DELETE", "/v1/domains/third")
    for path, status in ("99?wait=exit", 404), ("nobody?wait=exit", 404), ("0?wait=exit", 404), ("first?wait=lunch", 400), \
            (f"{first}?wait=exit&seconds=0", 400), (f"{first}?wait=exit&seconds=5x", 400):  # fmt: skip
        api.ask("GET", f"/v1/domains/{path}", expected=status)


def check_refusals(api):
    for secret in None, "", SECRET[:-1], SECRET + "x", "x" * 120:
        check("secret" in api.ask("GET", "/v1/domains", secret=secret, expected=401)["error"], "another sentence")
    api.ask("GET", "/nothing", expected=404)
    api.ask("GET", "/v1/domainsx", expected=404)
    api.ask("PUT", "/v1/domains", expected=405)
    api.ask("POST", "/v1/host", expected=405)
    api.ask("POST", "/v1/domains/0/pause", expected=409)
    api.ask("POST", "/v1/domains/nobody/pause", expected=404)
    check("no kernel" in api.ask("POST", "/v1/domains", "name='x'", expected=400)["error"], "another sentence")
    api.ask("POST", "/v1/domains", "x" * 70000, expected=413)
    api.ask("GET", "/" + "x" * 300, expected=414)
    for nonsense in b"\0" * 100, b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n":
        check(api.raw(nonsense).startswith("HTTP/1.1 400 "), f"{nonsense} is not refused")
    check(api.raw(b"GET / HTTP/1.1\r\n").startswith("HTTP/1.1 408 "), "a request that does not end is waited for")


@test
def http_api():
    """What: the HTTP API. Why: programs outside drive dom0 by it. Method: make, watch, change and end a domain; wait for ends of domains;
    40 connections that are held; several requests by one; then wrong secrets, paths, bodies, nonsense, and a request that never ends.
    Expected: the same as by xl; a status and a sentence for what is refused; nobody is kept out."""
    port = free_port()
    network = ["-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{port}-:8006", "-device", "virtio-net-pci,netdev=net0"]
    modules = [(DOM0, f"api.secret={SECRET}"), (dom0_files("http_api", {"guest/answer": ANSWER}), "")]
    with boot("http_api", lifetime=300, append=CONSOLE + " dom0_mem=128M", modules=modules, extra=network) as session:
        session.expect(PROMPT)
        for _ in range(200):
            if re.search(r"10\.0\.2\.\d+", session.command_line("ifconfig")):
                break
        api = Api(port)
        check(api.ask("GET", "/v1/host")["cpus"] == 1, "another number of CPUs")
        check_domain_life(api)
        check_ends(api)
        check_many_connections(api)
        check_kept_connections(api)
        check_refusals(api)
        power_off(session)
