/* SPDX-License-Identifier: MIT */
/*
 * lwIP's options: sockets over threads, IPv4 and IPv6, one lock around the core.
 */
#ifndef PVGUEST_LWIP_LWIPOPTS_H
#define PVGUEST_LWIP_LWIPOPTS_H

#define NO_SYS                  0
#define SYS_LIGHTWEIGHT_PROT    1
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_NETCONN            1
#define LWIP_SOCKET             1
#define LWIP_COMPAT_SOCKETS     0
/* poll() has more than sockets to wait for: whatever comes signals the thread. */
#define LWIP_NETCONN_SEM_PER_THREAD     1
#define LWIP_NETCONN_THREAD_SEM_GET()   lwip_port_thread_semaphore()
#define LWIP_NETCONN_THREAD_SEM_ALLOC() ((void)0)
#define LWIP_NETCONN_THREAD_SEM_FREE()  ((void)0)
#define LWIP_POSIX_SOCKETS_IO_NAMES     0
#define LWIP_SO_RCVTIMEO                1
#define LWIP_SO_SNDTIMEO                1
#define SO_REUSE                        1

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_IGMP 1
#define LWIP_DHCP 1
/* Asking whether somebody has the address already takes seconds; that is the server's business. */
#define DHCP_DOES_ARP_CHECK        0
#define LWIP_DNS                   1
#define LWIP_HOOK_IP4_INPUT(p, in) (lwip_port_ip4_input ? lwip_port_ip4_input((p), (in)) : 0)
#define LWIP_ICMP                  1
#define LWIP_RAW                   1
#define LWIP_NETIF_LOOPBACK        1
#define LWIP_NETIF_HOSTNAME        1
#define LWIP_NETIF_STATUS_CALLBACK 1

/* Interfaces of split drivers leave checksums to whoever does them cheapest, and pass pages on. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_SUPPORT_CUSTOM_PBUF     1

/* On a 64-bit machine the reassembly timer of IPv6 asserts unless it keeps a copy of the header. */
#define IPV6_FRAG_COPYHEADER 1

#define MEM_ALIGNMENT   8
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1

/* With pools on malloc() this limits nothing but the number of sockets, which newlib's fd_set bounds. */
#define MEMP_NUM_NETCONN 64

/* Windows that keep both ends of a connection between domains busy while the other one has the CPU. */
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE  4
#define TCP_MSS        8960 /* at most: an interface's MTU decides */
#define TCP_WND        (256 * 1024)
/* Segments come in as large ones, put together from many: an acknowledgement for every other one, as lwIP
 * counts them, would keep a sender waiting that is still in its slow start. */
#define TCP_WND_UPDATE_THRESHOLD  1460
#define TCP_SND_BUF               (256 * 1024)
#define TCP_SND_QUEUELEN          (4 * TCP_SND_BUF / 1460)
#define TCP_SNDLOWAT              (24 * 1024)
#define TCPIP_MBOX_SIZE           64
#define TCPIP_THREAD_STACKSIZE    (32 * 1024)
#define TCPIP_THREAD_PRIO         1
#define DEFAULT_TCP_RECVMBOX_SIZE 512
#define DEFAULT_UDP_RECVMBOX_SIZE 64
#define DEFAULT_RAW_RECVMBOX_SIZE 64
#define DEFAULT_ACCEPTMBOX_SIZE   64
#define DEFAULT_THREAD_STACKSIZE  (32 * 1024)

#define LWIP_STATS 0

#endif
