# SPDX-License-Identifier: MIT
#
# `make test`: everything is built first, so that no test waits for a compiler.

T ?=

.PHONY: test
test: hv unit $(TEST_BUILDS) $(XEN_REAL) $(LINUX_DOM0) | $(SETUP_TEST) ## run all tests, or one: T=name
	$(Q)python3 tests/run.py $(T)
