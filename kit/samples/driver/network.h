/* SPDX-License-Identifier: MIT */
/* A network of other domains, with this one as their way out. */
#ifndef DRIVER_NETWORK_H
#define DRIVER_NETWORK_H

/* Starts the backend of vifs, on a switch where this domain is the first address of that network
 * ("192.168.78.0", of 256 addresses), DHCP server, name server and, by the address of its own first vif, the
 * way out. Threads only. 0 or an errno. */
int network_serve(const char *network);

#endif
