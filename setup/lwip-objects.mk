# SPDX-License-Identifier: MIT
#
# Compiles lwIP's core, IPv4, IPv6, API and Ethernet into LIB (see lwip.mk for the variables).

OBJ_DIR := $(dir $(LIB))obj
SOURCES := $(wildcard $(addprefix $(SRC)/,core/*.c core/ipv4/*.c core/ipv6/*.c api/*.c netif/ethernet.c \
                                          netif/bridgeif.c netif/bridgeif_fdb.c))
OBJECTS := $(SOURCES:$(SRC)/%.c=$(OBJ_DIR)/%.o)

$(LIB): $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(OBJ_DIR)/%.o: $(SRC)/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

-include $(OBJECTS:.o=.d)
