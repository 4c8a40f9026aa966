// SPDX-License-Identifier: MIT
/*
 * The kernel below ethtool(8), by LD_PRELOAD: the interface it asks for is a file that holds the
 * CMIS memory of a module, as `sfab link map -o FILE` writes it. So Debian's `ethtool -m`, as it
 * is, decodes what we have made.
 *
 * These functions of libmnl are where ethtool's messages leave it: it asks for the number of its
 * family, then for pages, as <linux/ethtool_netlink.h> has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#define FAMILY		(GENL_MIN_ID + 1)
#define PAGE		128
#define I2C_ADDRESS	0x50

/* The answer to what was asked for last: a message, unless it failed, then how it went. */
struct mnl_socket {
	union {
		struct nlmsghdr head;
		uint8_t bytes[1024];
	} message;
	union {
		struct nlmsghdr head;
		uint8_t bytes[NLMSG_SPACE(sizeof(struct nlmsgerr))];
	} ack;
};

struct mnl_socket *mnl_socket_open(int bus);
int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buffer, socklen_t length);
int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid);
unsigned int mnl_socket_get_portid(const struct mnl_socket *nl);
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *request, size_t length);
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buffer, size_t size);
int mnl_socket_close(struct mnl_socket *nl);

/* ---- attributes ---- */

static void put(struct nlmsghdr *to, unsigned int type, const void *data, size_t length)
{
	struct nlattr *attribute = (void *)((uint8_t *)to + to->nlmsg_len);

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	memcpy((uint8_t *)attribute + NLA_HDRLEN, data, length);
	to->nlmsg_len += NLA_ALIGN(attribute->nla_len);
}

/* The one of @type among @length bytes of them, or NULL */
static const struct nlattr *find(const void *from, size_t length, unsigned int type)
{
	const uint8_t *at = from, *end = at + length;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attribute = (const void *)at;

		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > end - at)
			break;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		at += NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}

static const void *payload(const struct nlattr *attribute)
{
	return (const uint8_t *)attribute + NLA_HDRLEN;
}

/* ---- pages ---- */

struct request {
	const char *file;
	uint32_t offset, length;
	uint8_t page, bank, address;
};

/* A number of @size bytes, little-endian as the host is; what is not told is none. */
static bool number(const void *from, size_t length, unsigned int type, void *value, size_t size)
{
	const struct nlattr *attribute = find(from, length, type);

	if (!attribute || attribute->nla_len != NLA_HDRLEN + size)
		return false;
	memcpy(value, payload(attribute), size);
	return true;
}

static bool understand(struct request *r, const uint8_t *from, size_t length)
{
	const struct nlattr *header = find(from, length, ETHTOOL_A_MODULE_EEPROM_HEADER), *name;

	if (!header)
		return false;
	name = find(payload(header), header->nla_len - NLA_HDRLEN, ETHTOOL_A_HEADER_DEV_NAME);
	if (!name)
		return false;
	r->file = payload(name);
	return number(from, length, ETHTOOL_A_MODULE_EEPROM_OFFSET, &r->offset, 4) &&
	       number(from, length, ETHTOOL_A_MODULE_EEPROM_LENGTH, &r->length, 4) &&
	       number(from, length, ETHTOOL_A_MODULE_EEPROM_PAGE, &r->page, 1) &&
	       number(from, length, ETHTOOL_A_MODULE_EEPROM_BANK, &r->bank, 1) &&
	       number(from, length, ETHTOOL_A_MODULE_EEPROM_I2C_ADDRESS, &r->address, 1);
}

/* As a kernel does: nothing beyond a page, the lower one is of page 0; there is one bank. */
static int read_page(const struct request *r, uint8_t *data)
{
	uint32_t half = r->offset < PAGE ? PAGE : 2 * PAGE;
	ssize_t n;
	int fd;

	if (r->address != I2C_ADDRESS || r->bank || (r->page && r->offset < PAGE) ||
	    !r->length || r->length > PAGE || r->offset > half - r->length)
		return -EINVAL;
	fd = open(r->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, data, r->length, r->page * PAGE + r->offset);
	close(fd);
	return n == (ssize_t)r->length ? 0 : -EIO;
}

/* ---- requests ---- */

static void begin(struct nlmsghdr *reply, unsigned int command)
{
	struct genlmsghdr *head = NLMSG_DATA(reply);

	head->cmd = command;
	head->version = 1;
	reply->nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
}

static int answer(struct nlmsghdr *reply, const struct nlmsghdr *request)
{
	const struct genlmsghdr *head = NLMSG_DATA(request);
	const uint16_t family = FAMILY;
	uint8_t data[PAGE];
	struct request r;
	int ret;

	if (request->nlmsg_type == GENL_ID_CTRL && head->cmd == CTRL_CMD_GETFAMILY) {
		begin(reply, CTRL_CMD_NEWFAMILY);
		put(reply, CTRL_ATTR_FAMILY_ID, &family, sizeof(family));
		return 0;
	}
	if (request->nlmsg_type != FAMILY || head->cmd != ETHTOOL_MSG_MODULE_EEPROM_GET)
		return -EOPNOTSUPP;
	if (!understand(&r, (const uint8_t *)head + GENL_HDRLEN,
			request->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN)))
		return -EINVAL;
	ret = read_page(&r, data);
	if (ret)
		return ret;
	begin(reply, ETHTOOL_MSG_MODULE_EEPROM_GET_REPLY);
	put(reply, ETHTOOL_A_MODULE_EEPROM_DATA, data, r.length);
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *data, size_t length)
{
	struct mnl_socket *to = (struct mnl_socket *)nl;
	const struct nlmsghdr *request = data;
	struct nlmsgerr *error = NLMSG_DATA(&to->ack.head);

	memset(to, 0, sizeof(*to));
	error->error = answer(&to->message.head, request);
	error->msg = *request;
	to->ack.head.nlmsg_len = NLMSG_LENGTH(sizeof(*error));
	to->ack.head.nlmsg_type = NLMSG_ERROR;
	to->message.head.nlmsg_type = request->nlmsg_type;
	to->message.head.nlmsg_seq = request->nlmsg_seq;
	to->ack.head.nlmsg_seq = request->nlmsg_seq;
	return length;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buffer, size_t size)
{
	struct mnl_socket *from = (struct mnl_socket *)nl;
	struct nlmsghdr *next = from->message.head.nlmsg_len ? &from->message.head :
							       &from->ack.head;
	size_t length = next->nlmsg_len;

	if (!length || length > size) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(buffer, next, length);
	next->nlmsg_len = 0;
	return length;
}

/* ---- the rest of a socket ---- */

struct mnl_socket *mnl_socket_open(int bus)
{
	(void)bus;
	return calloc(1, sizeof(struct mnl_socket));
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *buffer, socklen_t length)
{
	(void)nl, (void)type, (void)buffer, (void)length;
	return 0;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	(void)nl, (void)groups, (void)pid;
	return 0;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return 0;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	free(nl);
	return 0;
}
