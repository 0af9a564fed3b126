# SPDX-License-Identifier: MIT
#
# `make test`: everything is built first, so that no test waits for a compiler.

T ?=

.PHONY: hv-debug
hv-debug: hv
	$(Q)$(MAKE) --no-print-directory DEBUG=1 hv

.PHONY: test
test: hv hv-debug unit guests dom0 iso $(XEN_REAL) $(LINUX_DOM0) $(BENCH_INITRAMFS) interop | $(SETUP_TEST) ## run all tests, or one: T=name
	$(Q)python3 tests/run.py $(T)

N ?= 1000

.PHONY: many-domains
many-domains: hv dom0 pvguest-guests | $(SETUP_TEST) ## N (1000) small domains at once, on a machine of 4 GiB
	$(Q)PYTHONPATH=tests/system python3 tests/system/test_many_domains.py $(N)

MODEL ?= corei7_skylake_x
VCPUS ?= 1

.PHONY: linux-in-bochs
linux-in-bochs: hv dom0 interop | $(SETUP_TEST) ## Debian's cloud kernel as PVH in Bochs, MODEL=corei7_skylake_x or ryzen, VCPUS=1: minutes
	$(Q)PYTHONPATH=tests/system python3 tests/system/test_hvm_bochs.py $(MODEL) $(VCPUS)

.PHONY: many-guests
many-guests: hv dom0 pvguest-guests | $(SETUP_TEST) ## N (64) guests of ours on one switch, on a machine of 2 GiB
	$(Q)PYTHONPATH=tests/system python3 tests/system/test_network.py $(if $(filter command%,$(origin N)),$(N),64)
