# SPDX-License-Identifier: MIT
#
# What the machine must have before anything is built.

$(SETUP): setup/setup.mk
	$(Q)mkdir -p $(@D) && touch $@
