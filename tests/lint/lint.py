#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of the house that a program can check. Prints one line per breach, then the figures.

usage: lint.py [--root FOLDER] [--objects FOLDER] [--flags PREFIX=FLAGS ...]

--objects names the hypervisor's object folder: then the direction of calls is checked too, not only of includes.
--flags gives the compiler flags under which the headers of a folder must compile alone."""

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 60
MAX_EXCEPTION_LINES = 120

# Which folders each folder may include and call (itself always), lowest first. A folder that is not listed is not checked.
# hv/io has both sides: consoles and interrupts that everybody uses, and their ends in domains. upward.txt lists exceptions.
HV_BASE = ["hv/lib", "hv/mm", "hv/cpu", "hv/io"]
HV_DOMAIN = HV_BASE + ["hv/domain", "hv/sched"]
HV_GUEST = HV_DOMAIN + ["hv/pv", "hv/hvm"]
MAY_INCLUDE = {
    "hv/lib": ["hv/lib"],
    "hv/mm": HV_BASE,
    "hv/cpu": HV_BASE,
    "hv/io": HV_DOMAIN,
    "hv/domain": HV_DOMAIN,
    "hv/sched": HV_DOMAIN,
    "hv/pv": HV_GUEST,
    "hv/hvm": HV_GUEST,
    "hypercalls": HV_GUEST + ["hypercalls"],
    "hv/boot": HV_GUEST + ["hypercalls", "hv/boot"],
    "pvguest/guests": ["pvguest", "split_drivers", "pvguest/guests"],
    "pvguest": ["pvguest"],
    "split_drivers": ["pvguest", "split_drivers"],
    "dom0_tools": ["pvguest", "split_drivers", "dom0_tools"],
    "tests/guests": ["tests/guests", "pvguest"],
}

SOURCE = re.compile(r"\.(c|h|S|py|sh|mk|awk)$|(^|/)Makefile$|\.lds\.S$")
LOCAL_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b")
MARKER = re.compile(r"\b(TODO|FIXME|XXX)\b")


class Lint:
    def __init__(self, root):
        self.root = root
        self.breaches = []
        listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=True).stdout  # fmt: skip
        paths = [path for path in listed.splitlines() if os.path.isfile(os.path.join(root, path))]
        self.text = {}
        for path in paths:
            if SOURCE.search(path):
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    self.text[path] = file.read()
        self.upward = {tuple(line.split()[:2]) for line in self._list("upward.txt")}
        self.c_files = [path for path in self.text if path.endswith((".c", ".h"))]

    def report(self, path, line, message):
        self.breaches.append(f"{path}:{line}: {message}" if line else f"{path}: {message}")

    def _list(self, name):
        """The lines of a list of exceptions beside this program."""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
            return [line for line in file if line.strip() and not line.startswith("#")]

    def check_text(self):
        for path, text in self.text.items():
            lines = text.splitlines()
            if not any("SPDX-License-Identifier: MIT" in line for line in lines[:2]):
                self.report(path, 1, "no SPDX line at the head")
            if len(lines) > MAX_FILE_LINES:
                self.report(path, len(lines), f"file has {len(lines)} lines (limit {MAX_FILE_LINES})")
            for number, line in enumerate(lines, 1):
                if MARKER.search(line) and not path.startswith("tests/lint/"):
                    self.report(path, number, "unfinished-work marker")
                if line != line.rstrip():
                    self.report(path, number, "trailing blanks")

    def check_format(self):
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *self.c_files], cwd=self.root,
                              capture_output=True, text=True, check=False)  # fmt: skip
        places = defaultdict(list)
        for path, line in re.findall(r"^([^:\n]+):(\d+):\d+: error:", done.stderr, re.M):
            places[path].append(line)
        for path, lines in places.items():
            self.report(path, lines[0], f"not as clang-format wants it ({len(lines)} places)")

    # Include direction and cycles.

    def folder(self, path):
        """The listed folder that `path` belongs to, or None."""
        return next((name for name in MAY_INCLUDE if path.startswith(name + "/")), None)

    def check_includes(self):
        graph = {path: self._includes_of(path) for path in self.c_files + self._assembly()}
        for path, targets in graph.items():
            folder = self.folder(path)
            for target in targets if folder else []:
                owner = self.folder(target)
                if owner and owner not in MAY_INCLUDE[folder] and (folder, target) not in self.upward:
                    self.report(path, 0, f"{folder} must not include {target}")
        self._check_cycles(graph)

    def _assembly(self):
        return [path for path in self.text if path.endswith(".S")]

    def _includes_of(self, path):
        found = []
        for name in LOCAL_INCLUDE.findall(self.text[path]):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
            found += [target for target in (name, beside) if target in self.text][:1]
        return found

    def _check_cycles(self, graph):
        state = {}

        def visit(path, trail):
            state[path] = "open"
            for target in graph.get(path, []):
                if state.get(target) == "open":
                    cycle = trail[trail.index(target):] if target in trail else [path]
                    self.report(path, 0, "include cycle: " + " -> ".join(cycle + [target]))
                elif target not in state:
                    visit(target, trail + [target])
            state[path] = "done"

        for path in graph:
            if path not in state:
                visit(path, [path])

    # Function sizes, and conditionals inside functions.

    def functions(self):
        """(path, name, first line, last line) of every C function."""
        # Attribute macros between the parameters and the body confuse ctags, so it reads them as nothing.
        done = subprocess.run(
            ["ctags-universal", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=ne",
             "-I", "__init,__percpu,__printf+,noreturn", "-f", "-", *self.c_files],
            cwd=self.root, capture_output=True, text=True, check=True)  # fmt: skip
        for line in done.stdout.splitlines():
            if line.startswith("!"):
                continue
            name, path = line.split("\t")[:2]
            first, last = re.search(r"line:(\d+)", line), re.search(r"end:(\d+)", line)
            if first and last:
                yield path, name, int(first[1]), int(last[1])

    def check_functions(self):
        exceptions = {line.split()[0] for line in self._list("long_functions.txt")}
        sizes = defaultdict(list)
        for path, name, first, last in self.functions():
            size = last - first + 1
            sizes[path.split("/")[0]].append(size)
            limit = MAX_EXCEPTION_LINES if f"{path}:{name}" in exceptions else MAX_FUNCTION_LINES
            if size > limit:
                self.report(path, first, f"{name}() has {size} lines (limit {limit})")
            self._check_conditionals(path, name, first, last)
        return sizes

    def _check_conditionals(self, path, name, first, last):
        for number, line in enumerate(self.text[path].splitlines()[first - 1 : last], first):
            if CONDITIONAL.match(line):
                self.report(path, number, f"preprocessor conditional inside {name}()")

    # Headers alone, scripts, and who calls whom.

    def check_headers(self, flags):
        jobs = []
        for path in self.c_files:
            prefix = max((p for p in flags if path.startswith(p)), key=len, default=None)
            if path.endswith(".h") and prefix is not None:
                jobs.append((path, flags[prefix].split()))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, error in pool.map(self._compile_header, jobs):
                if error:
                    self.report(path, 0, "does not compile alone: " + error)
        return len(jobs)

    def _compile_header(self, job):
        path, flags = job
        twice = f'#include "{path}"\n#include "{path}"\n'
        done = subprocess.run(["gcc", *flags, "-fsyntax-only", "-x", "c", "-"], cwd=self.root, input=twice,
                              capture_output=True, text=True, check=False)  # fmt: skip
        errors = [line for line in done.stderr.splitlines() if "error:" in line]
        return path, (errors or [done.stderr.strip()])[0] if done.returncode else None

    def check_scripts(self):
        for path in self.text:
            first = self.text[path].split("\n", 1)[0]
            command = None
            if path.endswith(".sh") or first.startswith("#!/bin/bash"):
                command = ["bash", "-n", path]
            elif path.endswith(".py"):
                command = [sys.executable, "-c", "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')", path]
            if command:
                done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
                if done.returncode:
                    self.report(path, 0, done.stderr.strip().splitlines()[-1])

    def check_calls(self, objects):
        """No object of a folder refers to a symbol that only a folder above it defines."""
        defined, undefined = {}, []
        for where, _, names in os.walk(os.path.join(self.root, objects)):
            for name in (name for name in names if name.endswith(".o")):
                full = os.path.join(where, name)
                folder = self.folder(os.path.relpath(full, os.path.join(self.root, objects)))
                done = subprocess.run(["nm", full], capture_output=True, text=True, check=True)
                for line in done.stdout.splitlines() if folder else []:
                    kind, symbol = line.split()[-2:]
                    if kind == "U":
                        undefined.append((folder, full, symbol))
                    elif kind.isupper():
                        defined[symbol] = folder
        for folder, full, symbol in sorted(undefined):
            owner = defined.get(symbol)
            if owner and owner not in MAY_INCLUDE[folder] and (folder, symbol) not in self.upward:
                self.report(os.path.relpath(full, self.root), 0, f"{folder} refers to {symbol} of {owner}")


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".")
    parser.add_argument("--objects")
    parser.add_argument("--flags", action="append", default=[])
    options = parser.parse_args()
    options.flags = dict(flag.split("=", 1) for flag in options.flags)
    return options


def print_figures(lint, sizes, headers):
    everything = sorted(size for group in sizes.values() for size in group)
    for group in sorted(sizes):
        group_sizes = sizes[group]
        print(f"  {group:15} {len(group_sizes):5} functions, median {statistics.median(group_sizes):4.0f} lines, "
              f"longest {max(group_sizes)}")  # fmt: skip
    if everything:
        print(f"  {'all':15} {len(everything):5} functions, median {statistics.median(everything):4.0f} lines")
    longest = max(lint.text, key=lambda path: lint.text[path].count("\n"))
    print(f"  {len(lint.text)} files, the longest {longest} with {lint.text[longest].count(chr(10))} lines; "
          f"{headers} headers compiled alone")  # fmt: skip


def main():
    options = parse_arguments()
    lint = Lint(options.root)
    lint.check_text()
    lint.check_format()
    lint.check_includes()
    sizes = lint.check_functions()
    headers = lint.check_headers(options.flags)
    lint.check_scripts()
    if options.objects:
        lint.check_calls(options.objects)
    for breach in lint.breaches:
        print(breach)
    print_figures(lint, sizes, headers)
    print(f"lint: {len(lint.breaches)} breaches")
    return 1 if lint.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
