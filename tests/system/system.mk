# SPDX-License-Identifier: MIT
#
# `make test`: everything is built first, so that no test waits for a compiler.

T ?=

.PHONY: test
test: hv unit guests dom0 iso $(XEN_REAL) $(LINUX_DOM0) $(BENCH_INITRAMFS) interop | $(SETUP_TEST) ## run all tests, or one: T=name
	$(Q)python3 tests/run.py $(T)
