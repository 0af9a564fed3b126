# SPDX-License-Identifier: MIT
"""The porting kit, used as its user does: in another folder, by its own programs only."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

from driver import BUILD, LOGS, check, test

LIMIT = 120  # seconds for one command


class Project:
    """A project made by a copy of the kit, both in a folder that is not ours."""

    def __init__(self, folder):
        self.kit, self.path = os.path.join(folder, "moved", "kit"), os.path.join(folder, "foo")
        shutil.copytree(os.path.join(BUILD, "kit"), self.kit, symlinks=True)
        self.command([os.path.join(self.kit, "bin", "new-guest"), self.path], cwd=folder)

    def command(self, arguments, status=0, cwd=None):
        """Runs a command; returns what it printed."""
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C"}
        done = subprocess.run(arguments, cwd=cwd or self.path, env=environment, capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)  # fmt: skip
        os.makedirs(LOGS, exist_ok=True)
        with open(os.path.join(LOGS, "kit.log"), "a", encoding="utf-8") as log:
            log.write(f"{arguments}\n{done.stdout}{done.stderr}\n")
        check(done.returncode == status, f"{arguments}: status {done.returncode} instead of {status}\n{done.stdout}{done.stderr}")
        return done.stdout.replace("\r", "") + done.stderr

    def edit(self, name, old, new):
        path = os.path.join(self.path, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check(old in text, f"{name} does not have {old!r}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))


@contextmanager
def project():
    with tempfile.TemporaryDirectory(prefix="ryokan-kit-") as folder:
        yield Project(folder)


@test
def kit_project_runs_on_both():
    """What: a project made by the kit, with its text changed, runs on Ryokan and on real Xen. Why: this is the first thing that somebody who
    ports a program does. Method: copy the kit to another folder, make a project, edit it, `make run` as PV, PVH and
    alone on the machine, `make run-xen`.
    Expected: the new text and the arguments, exit status 0; after an edit that returns 3, `make run` fails and says 3."""
    with project() as foo:
        foo.edit("main.c", "Hello from foo.", "Good evening from %s.\\n\", argv[1]); printf(\"")
        for target in (["run"], ["run", "TYPE=pvh"], ["run", "ALONE=1"], ["run-xen"]):
            output = foo.command(["make", *target, r"""ARGS=room 'b c' $HOME "`d\"e" f\\g #h"""])
            words = enumerate(["b c", "$HOME", '`d"e', "f\\g", "#h"], 2)
            check("Good evening from room.\n" in output and all(f"argument {number}: {word}\n" in output for number, word in words),
                  f"make {target} printed:\n{output}")  # fmt: skip
            check("Loglevel" not in output and "Ryokan 0" not in output, f"the hypervisor's boot messages are shown:\n{output}")
        foo.edit("main.c", "return 0", "return 3")
        for target in (["run"], ["run-xen"]):
            check("main returned 3" in foo.command(["make", *target], status=2), "the exit code is not shown")


@test
def kit_links_by_pkg_config():
    """What: an image made with the flags of the kit's pkg-config file, without its compiler driver, boots. Why: other build systems want flags.
    Method: one gcc command with `pkg-config --cflags --libs pvguest`, the image booted by ryokan-run. Expected: its text."""
    with project() as foo:
        flags = f'PKG_CONFIG_PATH={foo.kit}/lib/pkgconfig pkg-config --cflags --libs pvguest'
        foo.command(["sh", "-c", f'flags=$({flags}) && gcc -O2 main.c $flags -o foo.elf'])
        output = foo.command([foo.kit + "/bin/ryokan-run", "foo.elf", "one"])
        check("argument 1: one\n" in output, f"the image printed:\n{output}")


@test
def kit_refuses_bad_names():
    """What: `new-guest` changes nothing when it cannot do what it is asked. Method: a folder that is not empty, a name that is none, a path that make cannot use.
    Expected: one line that says why, exit status 1, the folder as it was."""
    with project() as foo:
        program = os.path.join(foo.kit, "bin", "new-guest")
        before = sorted(os.listdir(foo.path))
        check("exists and is not empty" in foo.command([program, foo.path], status=1), "no reason given")
        check("no name for a domain" in foo.command([program, "a:b"], status=1), "no reason given")
        check("make takes no path with blanks" in foo.command([program, "a b/c"], status=1), "no reason given")
        check(sorted(os.listdir(foo.path)) == before, "the folder has changed")
