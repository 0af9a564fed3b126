# SPDX-License-Identifier: MIT
"""The sample guests of kit/samples, each doing what it is there for."""

import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, LOGS, ROOT, TCG_CPU, XEN, Failure, boot, check, die_with_parent, test


def sample(name):
    return os.path.join(BUILD, "samples", name, name + ".elf")


def alone(test_name, image, args="", hypervisor="ryokan", archive=None, memory=64, **options):
    """A Session with the image as the initial domain."""
    machine = {"kernel": HV} if hypervisor == "ryokan" else {"kernel": XEN, "cpu": TCG_CPU}
    modules = [(image, args)] + ([(archive, "")] if archive else [])
    append = f"{CONSOLE} dom0_mem={memory}M,max:{memory}M guest_loglvl=all noreboot"
    return boot(f"{test_name}_{hypervisor}", modules=modules, append=append, **machine, **options)


@test
def sample_bare():
    """What: a guest without any library speaks and ends. Why: it is what somebody who ports a kernel reads first, so it must be right: notes,
    entry, hypercall page, console ring. Method: as the initial domain on Ryokan and on real Xen, and beside dom0.
    Expected: its lines with its command line, memory and the version; beside dom0 it has ended (`xl list` shows s)."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_bare", sample("bare"), "x y", hypervisor) as session:
            session.expect(r"speaks Xen 4\.17; this domain has 64 MiB\.\n.*Command line: x y\n")
    modules = [(DOM0, ""), (INITRD, ""), (sample("bare"), "")]
    with boot("sample_bare_domu", append=CONSOLE + " domain=bare,kernel=2,mem=16M,cmdline=one", modules=modules) as session:
        session.expect(r"\(bare\) Command line: one\n")
        session.position = 0
        session.expect("dom0# ")
        check(" ---s--" in session.command_line("xl list bare"), "the guest has not ended:\n" + session.tail())


def archive(name):
    return os.path.join(BUILD, "samples", name, name + ".tar")


@test
def sample_lua():
    """What: Debian's Lua passes its script, and its prompt can be used. Why: it is an ordinary program that was not written for this. Method: on
    Ryokan and on real Xen with the script and an environment; then without, lines typed at the prompt, one corrected by Backspace and one taken
    back by Ctrl-U. Expected: `all checks passed`; the right answers; os.exit(3) is a crash that says 3."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_lua", sample("lua"), "COLOUR=green /check.lua", hypervisor, archive("lua"), lifetime=120) as session:
            session.expect("lua: all checks passed")
    with alone("sample_lua_prompt", sample("lua"), lifetime=120) as session:
        session.expect("^> ")
        session.send("nonsense\x15print(6 * 9\x7f7)\r")
        session.expect("^42\n> ")
        session.send("os.exit(3)\r")
        session.expect("main returned 3")


@test
def sample_sqlite():
    """What: Debian's SQLite passes its script. Why: it uses what few other programs do: fsync, record locks, random access, time.
    Method: on Ryokan and on real Xen, a database in memory's file system. Expected: every check is ok, the integrity check too."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_sqlite", sample("sqlite"), "-init /check.sql /tmp/test.db .quit", hypervisor, archive("sqlite"), lifetime=120) as session:
            session.expect("sqlite: all checks passed")
            check("wrong" not in session.output and "vacuum ok\nok\n" in session.output, "a check failed:\n" + session.tail(20))


def host(*command):
    """Runs a program of this machine; returns what it printed."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=dict(os.environ, PATH=path))
    check(done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def kit_run(name, *arguments):
    """The command that boots a sample beside dom0 as the kit does, with its archive if it has one."""
    tar = ["--archive", archive(name)] if os.path.exists(archive(name)) else []
    return [os.path.join(BUILD, "kit", "bin", "ryokan-run"), *arguments[:-1], *tar, sample(name), *arguments[-1].split()]


@test
def sample_sqlite_on_disk():
    """What: SQLite passes its script with the database on the ext4 file system of a virtual disk, and finds it again. Why: frontend,
    backend, file system and fsync below a program that needs all of them. Method: an image of 32 MiB by the host's mke2fs; the script,
    then another boot that counts. Expected: every check is ok; the count; the host's e2fsck finds nothing wrong."""
    with tempfile.TemporaryDirectory(prefix="ryokan-disk-") as folder:
        image, config = os.path.join(folder, "data.img"), os.path.join(folder, "guest.cfg")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"disk = ['{image},raw,xvda,w']\n")
        host("truncate", "-s", "32M", image)
        host("mke2fs", "-q", "-t", "ext4", image)
        said = host(*kit_run("sqlite", "--cfg", config, "DISK=xvda -init /check.sql /data/test.db .quit"))
        check("sqlite: all checks passed" in said and "wrong" not in said and "vacuum ok" in said, said)
        command = kit_run("sqlite", "--cfg", config, "DISK=xvda /data/test.db")
        said = host(*command, "select 'kept', count(*) from item")
        check("kept|1667" in said, said)
        host("e2fsck", "-fn", image)


@contextmanager
def server(name, port, ready, config=None, words=""):
    """The sample beside dom0 with a forwarded port of this machine; yields that port once the sample says it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        here = probe.getsockname()[1]
    config = config or os.path.join(ROOT, "kit", "samples", name, "guest.cfg")
    command = kit_run(name, "--net", "--forward", f"{here}:{port}", "--cfg", config, words)
    log = os.path.join(LOGS, f"sample_{name}.log")
    os.makedirs(LOGS, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=die_with_parent)
    try:
        deadline = time.monotonic() + 240
        while ready not in (text := open(log, "rb").read().decode("latin-1")):
            check(process.poll() is None and time.monotonic() < deadline, f"{name} is not ready:\n{text}")
            time.sleep(0.05)
        yield here
    finally:
        process.kill()
        process.wait()


@test
def sample_http():
    """What: the web server serves its files to this machine. Method: QEMU's user network with a forwarded port, the guest on dom0's switch;
    requests by Python. Expected: the page that is in its archive, byte for byte; 404 for what is not there."""
    with open(os.path.join(ROOT, "kit", "samples", "http", "files", "index.html"), "rb") as file:
        page = file.read()
    with server("http", 80, "http: serving http://10.0.2.16/") as port:
        for _ in range(20):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=20) as answer:
                check(answer.status == 200 and answer.read() == page, "another page")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/nothing", timeout=20)
            raise Failure("a page that is not there was served")
        except urllib.error.HTTPError as error:
            check(error.code == 404, f"status {error.code}")


@test
def sample_http_from_disk():
    """What: curl on this machine gets a file that is on the web server's virtual disk. Why: adapter, switch, both split drivers and the file
    system at work for one request. Method: an ext4 image with a file of 3 MB of random bytes by the host's mke2fs; a forwarded port. Expected:
    the same bytes, twice."""
    with tempfile.TemporaryDirectory(prefix="ryokan-http-") as folder:
        files, image, config = (os.path.join(folder, name) for name in ("files", "data.img", "guest.cfg"))
        page = os.urandom(3000000)
        os.mkdir(files)
        with open(os.path.join(files, "page.bin"), "wb") as file:
            file.write(page)
        host("truncate", "-s", "16M", image)
        host("mke2fs", "-q", "-t", "ext4", "-d", files, image)
        with open(config, "w", encoding="ascii") as file:
            file.write(f"vif = ['']\ndisk = ['{image},raw,xvda,w']\n")
        with server("http", 80, "http: serving http://10.0.2.16/", config, "DISK=xvda") as port:
            for number in range(2):
                got = os.path.join(folder, f"got{number}")
                host("curl", "-sS", "--fail", "--max-time", "110", "-o", got, f"http://127.0.0.1:{port}/data/page.bin")
                with open(got, "rb") as file:
                    check(file.read() == page, "other bytes came")


@test
def sample_lwiperf():
    """What: lwIP's lwiperf in a guest measures with iperf 2 on this machine. Why: a benchmark that nobody here wrote, at both ends. Method: as
    sample_http, 2 MB. Expected: iperf says a bandwidth; the guest counted what was sent, but for the first segment, which is a header to lwiperf."""
    with server("lwiperf", 5001, "lwiperf: serving 10.0.2.16") as port:
        said = host("iperf", "-c", "127.0.0.1", "-p", str(port), "-n", "2000000")
        check("bits/sec" in said, said)
        log = os.path.join(LOGS, "sample_lwiperf.log")
        for _ in range(600):
            with open(log, encoding="latin-1") as file:
                counted = re.search(r"lwiperf: from \S+: (\d+) bytes", file.read())
            if counted:
                break
            time.sleep(0.1)
        check(counted and 2000000 - 1460 <= int(counted[1]) <= 2000000, said)


@test
def sample_echo():
    """What: the echo server, a program written for Unix, serves several clients at once. Method: as sample_http; four connections that
    each send 100,000 bytes. Expected: the same bytes back on each."""
    with server("echo", 7, "echo: listening on port 7") as port:
        clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(4)]
        for number, client in enumerate(clients):
            client.sendall(bytes([number]) * 100000)
        for number, client in enumerate(clients):
            client.shutdown(socket.SHUT_WR)
            with client, client.makefile("rb") as answer:
                check(answer.read() == bytes([number]) * 100000, f"connection {number} got other bytes")


class Store:
    """The key-value store on a disk image, spoken to by its console; ends by being killed."""

    def __init__(self, config):
        self.process = subprocess.Popen(kit_run("kv", "--cfg", config, "xvda"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=die_with_parent)  # fmt: skip
        self.pairs = int(self.wait("kv: ready, ").split()[0])

    def wait(self, start):
        """The rest of the next line that begins so."""
        said = b""
        for line in self.process.stdout:
            said += line
            if line.startswith(start.encode()):
                return line[len(start):].decode("latin-1").strip()
        raise Failure(f"no line {start!r}:\n{said.decode('latin-1')}")

    def ask(self, line):
        """Types a line; the console shows it, then comes the answer."""
        self.process.stdin.write(line.encode() + b"\r")
        self.process.stdin.flush()
        self.wait(line)
        return self.wait("")

    def kill(self):
        self.process.kill()
        self.process.wait()


@test
def sample_kv_survives():
    """What: what the key-value store has acknowledged is there after its machine was killed. Why: this is what a disk is for: order of writes,
    flushes, recovery from a torn tail, compaction. Method: three rounds on a disk so small that the log is compacted many times; each kills
    the emulator with a request under way. Expected: every acknowledged pair; the one under way has the old value or the new one."""
    with tempfile.TemporaryDirectory(prefix="ryokan-kv-") as folder:
        image, config = os.path.join(folder, "data.img"), os.path.join(folder, "guest.cfg")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"disk = ['{image},raw,xvda,w']\n")
        host("truncate", "-s", "64K", image)
        known, pending = {}, None
        for turn in range(3):
            store = Store(config)
            if pending:
                known[pending[0]] = store.ask(f"get {pending[0]}")
                check(known[pending[0]] in pending[1:], f"{pending[0]} is {known[pending[0]]}, not one of {pending[1:]}")
            for key, value in known.items():
                check(store.ask(f"get {key}") == value, f"{key} is lost")
            check(store.pairs == len(known), f"{store.pairs} pairs instead of {len(known)}")
            for number in range(90):
                key, value = f"key{number % 20}", f"value-{turn}-{number}"
                check(store.ask(f"set {key} {value}") == "ok", "not acknowledged")
                known[key] = value
            pending = ("key3", known["key3"], f"last-{turn}")
            store.process.stdin.write(f"set key3 last-{turn}\r".encode())
            store.process.stdin.flush()
            store.kill()
