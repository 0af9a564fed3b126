# SPDX-License-Identifier: MIT
#
# `make lint`: everything compiles with strict warnings as errors, and the rules of the house hold.

LINT_HV_FLAGS = $(filter-out -MMD -MP,$(HV_CPPFLAGS) $(HV_CFLAGS))

.PHONY: lint
lint: hv unit $(if $(filter guests,$(.PHONY)),guests) | $(SETUP_TEST) ## strict warnings, format, headers alone, include direction, sizes
	$(Q)python3 tests/lint/lint.py --objects $(HV_DIR) \
	    --flags 'hv/=$(LINT_HV_FLAGS)' --flags 'hypercalls/=$(LINT_HV_FLAGS)'
