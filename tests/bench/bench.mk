# SPDX-License-Identifier: MIT
#
# `make bench`: every figure of the project as a table, and as build/bench/NAME.tsv.

BENCH_INITRAMFS := $(B)/bench/initramfs.gz
$(BENCH_INITRAMFS): tests/bench/initramfs.py | $(SETUP_TEST)
	$(Q)mkdir -p $(@D) && python3 $< $@

.PHONY: bench
bench: hv guests pvguest-guests dom0 interop $(XEN_REAL) $(LINUX_DOM0) $(BENCH_INITRAMFS) | $(SETUP_TEST) ## measure: tables, and build/bench/NAME.tsv (T=name: one table)
	$(Q)python3 tests/bench/bench.py $(T)
