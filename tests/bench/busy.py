# SPDX-License-Identifier: MIT
"""What domains have used of the CPU, by dom0's /metrics. Under -icount that is instructions, and unlike virtual time it has no waiting for this
machine in it."""

import re

from test_http_api import SECRET, Api

DOM0_ARGS = f"api.secret={SECRET}"
API_PORT = 8006


def cpu_ns(port):
    """By domain's number."""
    text = Api(port).ask("GET", "/metrics")
    found = re.findall(r'^ryokan_domain_cpu_seconds_total\{domid="(\d+)".*\} (\S+)$', text, re.M)
    return {int(domid): round(float(seconds) * 1e9) for domid, seconds in found}


class Busy:
    """with Busy(port) as busy: ...; then busy.ns is what each domain has used meanwhile, and busy.total all of it."""

    def __init__(self, port):
        self.port, self.ns, self.total = port, {}, 0

    def __enter__(self):
        self.before = cpu_ns(self.port)
        return self

    def __exit__(self, *_):
        self.ns = {domid: ns - self.before.get(domid, 0) for domid, ns in cpu_ns(self.port).items()}
        self.total = sum(self.ns.values())
