/* SPDX-License-Identifier: MIT */
/* Sockets as descriptors: an open file whose object is lwIP's number of the socket. */
#include "pvguest/lwip/bsd_socket.h"
#include "pvguest/file.h"
#include "pvguest/lwip/start.h"
#include <arpa/inet.h>
#include <errno.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int number_of(const struct file *file)
{
    return (int)(intptr_t)file->object;
}

/* What lwIP returned and said in errno, in the way of the file operations. */
static ssize_t file_result(ssize_t result)
{
    return result < 0 ? -errno : result;
}

static ssize_t socket_read(struct file *file, void *buf, size_t length)
{
    return file_result(lwip_read(number_of(file), buf, length));
}

static ssize_t socket_write(struct file *file, const void *buf, size_t length)
{
    return file_result(lwip_write(number_of(file), buf, length));
}

static int socket_fstat(struct file *file, struct stat *st)
{
    (void)file;
    st->st_mode = S_IFSOCK | 0600;
    st->st_blksize = 4096;
    return 0;
}

static int socket_control(struct file *file, unsigned long request, void *arg)
{
    return (int)file_result(lwip_ioctl(number_of(file), (long)request, arg));
}

static int socket_close(struct file *file)
{
    return (int)file_result(lwip_close(number_of(file)));
}

static const struct file_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .fstat = socket_fstat,
    .control = socket_control,
    .close = socket_close,
};

int lwip_socket_of(const struct file *file)
{
    return file->ops == &socket_ops ? number_of(file) : -1;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

/* A descriptor for a socket that lwIP has just made. */
static int descriptor_for(int socket)
{
    int fd;

    if (socket < 0)
        return -1;
    fd = file_open(&socket_ops, (void *)(intptr_t)socket);
    if (fd >= 0)
        return fd;
    lwip_close(socket);
    return fail(-fd);
}

int socket(int domain, int type, int protocol)
{
    lwip_start();
    return descriptor_for(lwip_socket(domain, type, protocol));
}

/* Evaluates call with lwIP's number of the descriptor in `s`, and keeps the file open meanwhile. */
#define WITH_SOCKET(fd, call)                          \
    ({                                                 \
        struct file *file_ = file_get(fd);             \
        ssize_t result_ = -1;                          \
        if (file_) {                                   \
            int s = lwip_socket_of(file_);             \
            result_ = s < 0 ? fail(ENOTSOCK) : (call); \
            file_put(file_);                           \
        }                                              \
        result_;                                       \
    })

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return descriptor_for((int)WITH_SOCKET(fd, lwip_accept(s, address, length)));
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    return (int)WITH_SOCKET(fd, lwip_bind(s, address, length));
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return (int)WITH_SOCKET(fd, lwip_connect(s, address, length));
}

int listen(int fd, int backlog)
{
    return (int)WITH_SOCKET(fd, lwip_listen(s, backlog));
}

int shutdown(int fd, int how)
{
    return (int)WITH_SOCKET(fd, lwip_shutdown(s, how));
}

int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    return (int)WITH_SOCKET(fd, lwip_getpeername(s, address, length));
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    return (int)WITH_SOCKET(fd, lwip_getsockname(s, address, length));
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    return (int)WITH_SOCKET(fd, lwip_getsockopt(s, level, option, value, length));
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    return (int)WITH_SOCKET(fd, lwip_setsockopt(s, level, option, value, length));
}

ssize_t recv(int fd, void *buf, size_t length, int flags)
{
    return WITH_SOCKET(fd, lwip_recv(s, buf, length, flags));
}

ssize_t recvfrom(int fd, void *buf, size_t length, int flags, struct sockaddr *from, socklen_t *from_length)
{
    return WITH_SOCKET(fd, lwip_recvfrom(s, buf, length, flags, from, from_length));
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return WITH_SOCKET(fd, lwip_recvmsg(s, message, flags));
}

ssize_t send(int fd, const void *buf, size_t length, int flags)
{
    return WITH_SOCKET(fd, lwip_send(s, buf, length, flags));
}

ssize_t sendto(int fd, const void *buf, size_t length, int flags, const struct sockaddr *to,
               socklen_t to_length)
{
    return WITH_SOCKET(fd, lwip_sendto(s, buf, length, flags, to, to_length));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return WITH_SOCKET(fd, lwip_sendmsg(s, message, flags));
}

/* ---- names and addresses ---- */

const char *inet_ntop(int family, const void *address, char *text, socklen_t size)
{
    return lwip_inet_ntop(family, address, text, size);
}

int inet_pton(int family, const char *text, void *address)
{
    return lwip_inet_pton(family, text, address);
}

/* "fe80::1%en1" or "fe80::1%2": an address of one interface, by its name or number (RFC 4007, 11), which lwIP
 * does not read. */
static int zoned_address(const char *node, const char *zone, const char *service,
                         const struct addrinfo *hints, struct addrinfo **result)
{
    char address[INET6_ADDRSTRLEN], *end;
    size_t length = (size_t)(zone - node);
    unsigned long number = strtoul(zone + 1, &end, 10);
    int error;

    if (end == zone + 1 || *end) {
        LOCK_TCPIP_CORE();
        number = netif_name_to_index(zone + 1);
        UNLOCK_TCPIP_CORE();
    }
    if (length >= sizeof(address) || !number || number > UINT8_MAX)
        return EAI_NONAME;
    memcpy(address, node, length);
    address[length] = '\0';
    error = lwip_getaddrinfo(address, service, hints, result);
    if (!error && (*result)->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)(*result)->ai_addr)->sin6_scope_id = (uint32_t)number;
    return error;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    const char *zone = node ? strchr(node, '%') : NULL;

    lwip_start();
    return zone ? zoned_address(node, zone, service, hints, result)
                : lwip_getaddrinfo(node, service, hints, result);
}

void freeaddrinfo(struct addrinfo *list)
{
    lwip_freeaddrinfo(list);
}

struct hostent *gethostbyname(const char *name)
{
    lwip_start();
    return lwip_gethostbyname(name);
}

const char *gai_strerror(int error)
{
    switch (error) {
    case 0:
        return "no error";
    case EAI_NONAME:
        return "name or service not known";
    case EAI_SERVICE:
        return "no such service: give its number";
    case EAI_MEMORY:
        return "out of memory";
    case EAI_FAMILY:
        return "address family not supported";
    default:
        return "name resolution failed";
    }
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
                char *service, socklen_t service_size, int flags)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    bool is_6 = address->sa_family == AF_INET6;
    const void *bytes = is_6 ? (const void *)&in6->sin6_addr : &in->sin_addr;
    unsigned int port = ntohs(is_6 ? in6->sin6_port : in->sin_port);

    (void)flags;
    if ((address->sa_family != AF_INET && !is_6) || length < (is_6 ? sizeof(*in6) : sizeof(*in)))
        return EAI_FAMILY;
    if (host && host_size && !inet_ntop(address->sa_family, bytes, host, host_size))
        return EAI_MEMORY;
    if (service && service_size && snprintf(service, service_size, "%u", port) >= (int)service_size)
        return EAI_MEMORY;
    return 0;
}
