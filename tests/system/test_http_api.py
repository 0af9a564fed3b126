# SPDX-License-Identifier: MIT
"""dom0's HTTP API, asked from the host."""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading

from driver import BUILD, CONSOLE, DOM0, LOGS, PROMPT, TCG_CPU, Failure, boot, check, dom0_files, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
SECRET = "a-word-that-nobody-guesses"


class Api:
    """Requests to port 8006 of dom0."""

    def __init__(self, port, certificate=None):
        """certificate: with TLS, the one to trust."""
        self.port, self.certificate = port, certificate
        self.tls = ssl.create_default_context(cafile=certificate) if certificate else None

    def connect(self, timeout=120):
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)

    def curl(self, path):
        """What curl needs to get a path, but for the secret."""
        trust = ["--cacert", self.certificate] if self.certificate else []
        return ["curl", "-sS", "--max-time", "120", *trust], f"http{'s' if trust else ''}://127.0.0.1:{self.port}{path}"

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
        connection = self.connect(timeout)
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
    connection = api.connect()
    headers = {"Authorization": f"Bearer {SECRET}"}
    for path in "/v1/host", "/nothing", "/v1/domains", "/metrics":
        connection.request("GET", path, headers=headers)
        if path == "/v1/host":
            kept = connection.sock
        response = connection.getresponse()
        check(response.getheader("Connection") == "keep-alive" and len(response.read()) > 10, f"{path}: {response.getheaders()}")
        check(connection.sock is kept, f"another connection is used for {path}")
    connection.close()
    curl, address = api.curl("/v1/host")
    done = subprocess.run(curl + ["-H", f"Authorization: Bearer {SECRET}", "-w", "%{num_connects}\n", address, address], capture_output=True, text=True, check=False)
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


@contextlib.contextmanager
def dom0_with_api(name, words="", files=None, **options):
    """dom0 with a network and the API, which is a session and the port of the host."""
    port = free_port()
    network = ["-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{port}-:8006", "-device", "virtio-net-pci,netdev=net0"]
    modules = [(DOM0, f"api.secret={SECRET} {words}"), (dom0_files(name, {"guest/answer": ANSWER, **(files or {})}), "")]
    with boot(name, lifetime=300, append=CONSOLE + " dom0_mem=128M", modules=modules, extra=network, **options) as session:
        session.expect(PROMPT)
        for _ in range(200):
            if re.search(r"10\.0\.2\.\d+", session.command_line("ifconfig")):
                break
        yield session, port


@test
def http_api():
    """What: the HTTP API. Why: programs outside drive dom0 by it. Method: make, watch, change and end a domain; wait for ends of domains;
    40 connections that are held; several requests by one; then wrong secrets, paths, bodies, nonsense, and a request that never ends.
    Expected: the same as by xl; a status and a sentence for what is refused; nobody is kept out."""
    with dom0_with_api("http_api") as (session, port):
        api = Api(port)
        check(api.ask("GET", "/v1/host")["cpus"] == 1, "another number of CPUs")
        check_domain_life(api)
        check_ends(api)
        check_many_connections(api)
        check_kept_connections(api)
        check_refusals(api)
        power_off(session)


def make_certificate(name, *key):
    """A key and a certificate for it; their paths."""
    paths = [os.path.join(LOGS, f"{name}.{kind}.pem") for kind in ("key", "certificate")]
    os.makedirs(LOGS, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-keyout", paths[0], "-out", paths[1], "-days", "2", "-subj", "/CN=dom0",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)  # fmt: skip
    return paths


def check_tls_refusals(port, certificate):
    """What is no TLS, an old version, and half a record, many times, cost only their own connection."""
    check(b"HTTP/" not in plain_answer(port, b"GET / HTTP/1.1\r\n\r\n"), "plain text is answered")
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    try:
        old.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=120))
        raise Failure("TLS 1.1 is taken")
    except (ssl.SSLError, ConnectionResetError):
        pass
    with contextlib.ExitStack() as stack:
        for n in range(40):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120))
            held.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[: n % 8])
        check(Api(port, certificate).ask("GET", "/v1/host")["cpus"] == 1, "another number of CPUs")


def plain_answer(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(data)
        try:
            return connection.recv(1000)
        except ConnectionResetError:
            return b""


def check_https(name, *key):
    key_path, certificate = make_certificate(name, *key)
    files = {"etc/api.key": key_path, "etc/api.crt": certificate}
    with dom0_with_api(name, "api.certificate=/etc/api.crt api.key=/etc/api.key", files, cpu=TCG_CPU) as (session, port):
        api = Api(port, certificate)
        check_domain_life(api)
        check_kept_connections(api)
        check_tls_refusals(port, certificate)
        large = "#" * 60000 + "\nkernel='/guest/answer'; name='large'; memory=8"
        check("domid" in api.ask("POST", "/v1/domains", large, expected=201), "a body of many records is not taken")
        api.ask("GET", "/v1/domains", secret="wrong", expected=401)
        power_off(session)


@test
def https_api():
    """What: the API by TLS with an elliptic key. Why: secret and consoles are nobody else's. Method: Python's client with that certificate: a
    domain's life, kept connections, a large body; plain text, TLS 1.1, connections that say half a record. Expected: the same answers; what is no TLS 1.2 is refused."""
    check_https("https_api", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


@test
def https_api_rsa():
    """What, expected: as https_api. Why: most certificates have RSA keys. Method: one of 2048 bits."""
    check_https("https_api_rsa", "rsa:2048")


@test
def https_api_refuses():
    """What: a start with certificates that cannot be used. Why: the API must then be off, not open. Method: a key of another
    certificate, a file that is not there, only one of the two, a CPU without random numbers. Expected: a sentence each, and no API."""
    key, certificate = make_certificate("https_one", "rsa:2048")
    other, _ = make_certificate("https_other", "rsa:2048")
    files = {"etc/api.key": key, "etc/other.key": other, "etc/api.crt": certificate}
    both = "api.certificate=/etc/api.crt api.key=/etc/api.key"
    for words, cpu, sentence in ("api.certificate=/etc/api.crt api.key=/etc/other.key", TCG_CPU, "the key of api.key= is not that of the certificate"), \
            ("api.certificate=/etc/none api.key=/etc/api.key", TCG_CPU, "the file of api.certificate= is not there"), \
            ("api.certificate=/etc/api.crt", TCG_CPU, "api.certificate= and api.key= belong together"), \
            (both, TCG_CPU + ",-rdrand", "TLS needs a CPU that makes random numbers"):  # fmt: skip
        archive = dom0_files("https_api_refuses", files)
        with boot("https_api_refuses", append=CONSOLE, modules=[(DOM0, f"api.secret={SECRET} {words}"), (archive, "")], cpu=cpu) as session:
            session.expect("dom0: " + re.escape(sentence))
            session.expect("dom0: no HTTP API")
            session.expect(PROMPT)
            power_off(session)
