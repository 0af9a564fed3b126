# SPDX-License-Identifier: MIT
#
# `make lint`: everything compiles with strict warnings as errors, and the rules of the house hold.

LINT_HV_FLAGS    = $(HV_CPPFLAGS) $(HV_CFLAGS)
LINT_GUEST_FLAGS = $(PVGUEST_CPPFLAGS) $(PVGUEST_CFLAGS)

.PHONY: lint
lint: hv unit guests dom0 | $(SETUP_TEST) ## strict warnings, format, headers alone, include direction, sizes
	$(Q)python3 tests/lint/lint.py --objects $(HV_DIR) \
	    --flags 'hv/=$(LINT_HV_FLAGS)' --flags 'hypercalls/=$(LINT_HV_FLAGS)' \
	    --flags 'pvguest/=$(LINT_GUEST_FLAGS)' --flags 'pvguest/ext4/=$(LINT_GUEST_FLAGS) $(EXT2FS_CPPFLAGS)' --flags 'dom0_tools/=$(LINT_GUEST_FLAGS)' \
	    --flags 'pvguest/lwip/=$(LINT_GUEST_FLAGS) $(LWIP_CPPFLAGS)' \
	    --flags 'split_drivers/=$(LINT_GUEST_FLAGS) $(LWIP_CPPFLAGS)' --flags 'dom0_tools/network/=$(LINT_GUEST_FLAGS) $(LWIP_CPPFLAGS)' \
	    --flags 'dom0_tools/api/=$(LINT_GUEST_FLAGS) $(CJSON_CPPFLAGS) $(HTTP_PARSER_CPPFLAGS) $(MBEDTLS_CPPFLAGS)'
	$(Q)python3 tests/lint/docs.py
	$(Q)python3 kit/reference.py --check $(REFERENCE_HEADERS)
