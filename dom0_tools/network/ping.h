/* SPDX-License-Identifier: MIT */
/* The command `ping`: ICMP echo (RFC 792). */
#ifndef DOM0_NETWORK_PING_H
#define DOM0_NETWORK_PING_H

int run_ping(int argc, char **argv);

#endif
