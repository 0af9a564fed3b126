# SPDX-License-Identifier: MIT
#
# Fuzzers for everything that reads what others wrote: tests/fuzz/fuzz_NAME.c with libFuzzer, ASan and UBSan. Each names
# the sources it is linked with in lines near its head: /* fuzz-sources: hv/lib/elf.c */. What a fuzzer has found worth
# keeping stays in build/fuzz/corpus/NAME for its next run.

F       ?=
SECONDS_EACH ?= 10

FUZZ_DIR   := $(B)/fuzz
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_BINS  := $(FUZZ_NAMES:%=$(FUZZ_DIR)/%)

FUZZ_CFLAGS   := -std=gnu11 -O1 -g -fno-strict-aliasing -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_CPPFLAGS := -I. -I$(B)/include $(XEN_CPPFLAGS) $(HTTP_PARSER_CPPFLAGS) -DCONFIG_DEBUG=1

fuzz_sources = $(shell sed -n 's|^/\* fuzz-sources:\(.*\)\*/.*|\1|p' $(1))

define fuzz_rule
$(FUZZ_DIR)/$(1): tests/fuzz/fuzz_$(1).c $(call fuzz_sources,tests/fuzz/fuzz_$(1).c) tests/fuzz/fuzz.mk \
    | $(SETUP_TEST) $(XEN_HEADERS)
	$$(call step,CLANG,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)clang $(FUZZ_CPPFLAGS) $(FUZZ_CFLAGS) $$(filter %.c,$$^) -o $$@

.PHONY: fuzz-$(1)
fuzz-$(1): $(FUZZ_DIR)/$(1)
	$$(Q)mkdir -p $(FUZZ_DIR)/corpus/$(1)
	$$(Q)setup/quiet.sh 'fuzz $(1) for $(SECONDS_EACH) s' $(B)/log/fuzz-$(1).log \
	    $$< -max_total_time=$(SECONDS_EACH) -timeout=10 -artifact_prefix=$(FUZZ_DIR)/$(1)- $(FUZZ_DIR)/corpus/$(1)
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(name))))

.PHONY: fuzz
fuzz: $(addprefix fuzz-,$(or $(F),$(FUZZ_NAMES))) ## run the fuzzers: F=name (all), SECONDS_EACH=10
