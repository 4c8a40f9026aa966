// SPDX-License-Identifier: MIT
/*
 * A fabric that answers directed datagrams, for sfab_device_mgmt() of the fake libsfab
 *
 * The environment says what it pretends:
 *   FAKE_FABRIC=LINKS      "A.P-B.Q,...": port P of device A is joined to port Q of B; device
 *                          0 is the manager's own
 *   FAKE_SWITCHES=MASK     which devices are switches
 *   FAKE_STATE=FILE        keeps EIDs and tables from run to run
 *   FAKE_KEY=N             management key of all devices
 *   FAKE_DEAF=N            device N takes no SET, but says that it does
 *   FAKE_CUT=A.P@N         from the Nth datagram on, port P of A is down
 *   FAKE_LATE=N            the first N datagrams find no port up
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sfab/sfab.h>

#define DEVICES	32
#define PORTS	8
#define EIDS	64

enum { UNREACHABLE = 6, BAD_KEY = 5, BAD_VALUE = 4 };

struct end {
	bool up;
	unsigned int peer, peer_port;
};

/* What a device keeps */
struct kept {
	uint16_t eid;
	uint64_t route[EIDS];
};

static struct end ends[DEVICES][PORTS];
static struct kept *kept;
static unsigned int datagrams;

static unsigned long setting(const char *name, unsigned long standard)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : standard;
}

static void read_links(void)
{
	const char *text = getenv("FAKE_FABRIC");
	unsigned int a, p, b, q;

	while (text && sscanf(text, "%u.%u-%u.%u", &a, &p, &b, &q) == 4) {
		ends[a][p] = (struct end) { true, b, q };
		ends[b][q] = (struct end) { true, a, p };
		text = strchr(text, ',');
		text = text ? text + 1 : NULL;
	}
}

static int begin(void)
{
	const char *state = getenv("FAKE_STATE");
	size_t size = DEVICES * sizeof(*kept);
	int fd;

	read_links();
	if (!state) {
		kept = calloc(1, size);
		return kept ? 0 : -ENOMEM;
	}
	fd = open(state, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		return -errno;
	kept = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return kept == MAP_FAILED ? -errno : 0;
}

static bool is_up(unsigned int device, unsigned int port)
{
	const char *cut = getenv("FAKE_CUT");
	unsigned int a, p, n;

	if (datagrams <= setting("FAKE_LATE", 0))
		return false;
	if (cut && sscanf(cut, "%u.%u@%u", &a, &p, &n) == 3 && datagrams >= n) {
		const struct end *other = &ends[a][p];

		if ((a == device && p == port) ||
		    (other->peer == device && other->peer_port == port))
			return false;
	}
	return ends[device][port].up;
}

static void put_uuid(uint8_t *data, unsigned int device)
{
	memcpy(data, "\x5f\xab\0\0\0\0\x40\0\x80\0\0\0\0\0\0", 15);
	data[15] = (uint8_t)device;
}

static void get_node(unsigned int device, uint8_t *data)
{
	data[0] = setting("FAKE_SWITCHES", 0) >> device & 1 ? 2 : 1;
	data[1] = PORTS;
	memcpy(data + 2, &kept[device].eid, 2);
	put_uuid(data + 16, device);
}

static void get_port(unsigned int device, unsigned int port, uint8_t *data)
{
	const struct end *end = &ends[device][port];
	uint32_t peer;

	data[4] = is_up(device, port) ? 2 : 0;
	if (!data[4])
		return;
	peer = kept[end->peer].eid | end->peer_port << 16 | 1 << 24;
	memcpy(data + 12, &peer, 4);
	put_uuid(data + 16, end->peer);
}

/* What @device answers to itself; returns the status */
static unsigned int obey(unsigned int device, uint8_t *dg)
{
	uint16_t attribute;
	uint32_t modifier;
	bool set = dg[1] == 2;
	uint64_t key;

	memcpy(&attribute, dg + 2, 2);
	memcpy(&key, dg + 16, 8);
	memcpy(&modifier, dg + 96, 4);
	if (set && device && key != setting("FAKE_KEY", 0))
		return BAD_KEY;
	if (set && device == setting("FAKE_DEAF", DEVICES))
		return 0;
	if (attribute == 1 && set)
		memcpy(&kept[device].eid, dg + 130, 2);
	else if (attribute == 1)
		get_node(device, dg + 128);
	else if (attribute == 2 && modifier < PORTS && !set)
		get_port(device, modifier, dg + 128);
	else if (attribute == 3 && modifier < EIDS / 16 && set)
		memcpy(&kept[device].route[16 * modifier], dg + 128, 128);
	else if (attribute == 3 && modifier < EIDS / 16)
		memcpy(dg + 128, &kept[device].route[16 * modifier], 128);
	else
		return BAD_VALUE;
	return 0;
}

int sfab_device_mgmt(struct sfab_device *device, const void *request, void *answer,
		     int64_t timeout_ns)
{
	unsigned int at = 0, hop, status = 0;
	uint8_t *dg = answer;
	int ret = kept ? 0 : begin();

	(void)device;
	(void)timeout_ns;
	if (ret)
		return ret;
	datagrams++;
	memcpy(dg, request, 256);
	for (hop = 0; !status && hop < dg[7]; hop++) {
		unsigned int port = dg[32 + hop];

		if (port >= PORTS || !is_up(at, port))
			status = UNREACHABLE;
		else
			at = ends[at][port].peer;
	}
	if (!status)
		status = obey(at, dg);
	dg[1] |= 0x80;
	dg[4] = (uint8_t)status;
	return 0;
}
