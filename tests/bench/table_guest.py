# SPDX-License-Identifier: MIT
"""The bench guest on Ryokan and on Debian's Xen 4.17, in instructions (-icount: the TSC counts them);
what needs two CPUs in nanoseconds, which vary with the host."""

import importlib.util
import os

from bench import ROOT

spec = importlib.util.spec_from_file_location("guest_runner", os.path.join(ROOT, "tests", "guests", "run.py"))
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)


def rows():
    ours = runner.run_bench(runner.parse(["--bench"]))
    peer = runner.run_bench(runner.parse(["--bench", "--xen"]))
    return [(name, unit, ours.get(name, (None,))[0], value) for name, (value, unit) in peer.items()]
