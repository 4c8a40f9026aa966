// SPDX-License-Identifier: MIT
/*
 * What a link tells: by its ioctls, by sysfs, by hwmon and by uevents, which all agree with
 * one another and with what the accelerator tells of its ports; and what CONTROL does.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <dirent.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "link_util.h"

#define PORT		0
#define EVENT_MS	10000

FIXTURE(link)
{
	int accel[2];			/* the partner is the second one */
	int fd;				/* may change things */
	int reader;			/* may not */
	char name[32];
	struct sfab_query_port port;
};

FIXTURE_SETUP(link)
{
	ASSERT_EQ(0, fabric_open(self->accel));
	ASSERT_EQ(0, link_name(0, PORT, self->name));
	self->fd = link_open(0, PORT, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->reader = link_open(0, PORT, O_RDONLY);
	ASSERT_LE(0, self->reader);
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, port_query(self->accel[0], PORT, &self->port));
}

FIXTURE_TEARDOWN(link)
{
	link_control(self->fd, SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK, SFAB_LINK_ENABLE);
	EXPECT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	close(self->reader);
	close(self->fd);
	close(self->accel[0]);
	close(self->accel[1]);
}

TEST_F(link, what_it_is)
{
	struct sfab_query_device device;
	struct accel list[MAX_ACCELS];
	struct sfab_link_info info;
	char line[64], uuid[64];

	ASSERT_EQ(0, link_info(self->reader, &info));
	ASSERT_EQ(0, query_device(self->accel[0], &device));
	ASSERT_LE(2, accel_list(list));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(0, memcmp(device.uuid, info.uuid, sizeof(info.uuid)));
	EXPECT_EQ(device.serial, info.serial);
	EXPECT_STREQ(list[0].pci, info.pci);
	EXPECT_EQ(list[0].minor, info.accel);
	EXPECT_EQ(PORT, info.port);
	EXPECT_EQ(self->port.lanes, info.lanes);
	EXPECT_EQ(self->port.lane_rate, info.lane_rate);
	EXPECT_EQ(self->port.paths, info.paths);
	EXPECT_EQ(SFAB_LINK_KEPT_PACKETS, info.kept & SFAB_LINK_KEPT_PACKETS);
	EXPECT_EQ(0, info.kept & SFAB_LINK_KEPT_HISTORY);
	EXPECT_EQ(0, link_attribute(self->name, "uuid", line, sizeof(line)));
	ASSERT_EQ(0, read_line(uuid, sizeof(uuid), "/sys/bus/pci/devices/%s/uuid", list[0].pci));
	EXPECT_STREQ(uuid, line);
	EXPECT_EQ(PORT, link_number(self->name, "port"));
	EXPECT_EQ(info.lanes, link_number(self->name, "lanes"));
}

/* A link for each port of each accelerator, and no other */
TEST_F(link, all_there)
{
	struct accel list[MAX_ACCELS];
	unsigned int links = 0, ports = 0, count = accel_list(list), i;
	struct sfab_query_fabric fabric;
	struct dirent *entry;
	DIR *dir;

	for (i = 0; i < count; i++) {
		int fd = accel_open(i);

		ASSERT_LE(0, fd);
		if (has_fabric(fd)) {
			ASSERT_EQ(0, fabric_query(fd, &fabric));
			ports += fabric.num_ports;
		}
		close(fd);
	}
	dir = opendir("/sys/class/sfab_link");
	while (dir && (entry = readdir(dir)))
		links += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	EXPECT_EQ(ports, links);
	EXPECT_LT(0, links);
}

static void expect_same_state(struct __test_metadata *_metadata, FIXTURE_DATA(link) *self,
			      const struct sfab_link_status *status)
{
	struct sfab_query_port port;

	ASSERT_EQ(0, port_query(self->accel[0], PORT, &port));
	EXPECT_EQ(port.state, status->state);
	EXPECT_EQ(port.reason, status->reason);
	EXPECT_EQ(port.lanes_in_use, status->lanes);
	EXPECT_EQ(port.path, status->path);
	EXPECT_EQ(port.path_in_use, status->path_in_use);
	EXPECT_EQ(port.config, status->config & (SFAB_LINK_ENABLE | SFAB_LINK_LOOPBACK));
	EXPECT_EQ(port.link_downs, status->downs);
	EXPECT_EQ(port.peer_kind, status->partner);
	EXPECT_EQ(port.peer_eid, status->partner_eid);
	EXPECT_EQ(port.peer_port, status->partner_port);
	EXPECT_EQ(0, memcmp(port.peer_uuid, status->partner_uuid, 16));
}

TEST_F(link, state_up)
{
	struct sfab_link_status status;
	struct sfab_query_device device;

	ASSERT_EQ(0, link_status(self->reader, &status));
	expect_same_state(_metadata, self, &status);
	ASSERT_EQ(0, query_device(self->accel[1], &device));
	EXPECT_EQ(SFAB_LINK_WHY_NONE, status.reason);
	EXPECT_EQ(self->port.lanes, status.lanes);
	EXPECT_EQ((1U << self->port.lanes) - 1, status.rx_lanes);
	EXPECT_EQ(SFAB_LINK_ENABLE, status.config);
	EXPECT_EQ(SFAB_LINK_PARTNER_ACCEL, status.partner);
	EXPECT_EQ(EID(1), status.partner_eid);
	EXPECT_EQ(0, memcmp(device.uuid, status.partner_uuid, 16));
	EXPECT_EQ(status.rx_lanes, status.capable);
	EXPECT_EQ(SFAB_LINK_MODULE_READY, status.module_state);
	EXPECT_EQ(SFAB_LINK_FAULT_NONE, status.module_fault);
	EXPECT_LE(1, status.insertions);
	EXPECT_TRUE(all_bytes(status.datapath, self->port.lanes, SFAB_LINK_DATAPATH_ACTIVATED));
	EXPECT_TRUE(all_bytes(status.datapath + self->port.lanes,
			      SFAB_LINK_LANES - self->port.lanes, SFAB_LINK_DATAPATH_NONE));
}

TEST_F(link, state_down)
{
	struct sfab_link_status status;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_status(self->reader, &status));
	expect_same_state(_metadata, self, &status);
	EXPECT_EQ(SFAB_LINK_WHY_DISABLED, status.reason);
	EXPECT_EQ(0, status.config);
	EXPECT_EQ(SFAB_LINK_PARTNER_NONE, status.partner);
	EXPECT_EQ(0, status.partner_eid);
	EXPECT_TRUE(all_bytes(status.partner_uuid, 16, 0));
}

/* The attributes are the same as the ioctl, while the link is up and while it is down */
static void expect_attributes(struct __test_metadata *_metadata, FIXTURE_DATA(link) *self,
			      const char *state, const char *reason)
{
	struct sfab_link_status status;
	char line[64];

	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(0, link_attribute(self->name, "state", line, sizeof(line)));
	EXPECT_STREQ(state, line);
	EXPECT_EQ(0, link_attribute(self->name, "reason", line, sizeof(line)));
	EXPECT_STREQ(reason, line);
	EXPECT_EQ(status.lanes, link_number(self->name, "lanes_in_use"));
	EXPECT_EQ(status.path_in_use, link_number(self->name, "path"));
	EXPECT_EQ(status.downs, link_number(self->name, "flaps"));
	EXPECT_EQ(status.partner_port, link_number(self->name, "partner_port"));
	EXPECT_EQ(0, link_attribute(self->name, "partner", line, sizeof(line)));
	EXPECT_STREQ(status.partner ? "accel" : "none", line);
}

TEST_F(link, attributes)
{
	struct accel list[MAX_ACCELS];
	char line[64], uuid[64];

	ASSERT_LE(2, accel_list(list));
	expect_attributes(_metadata, self, "up", "none");
	EXPECT_EQ(0, link_attribute(self->name, "partner_uuid", line, sizeof(line)));
	ASSERT_EQ(0, read_line(uuid, sizeof(uuid), "/sys/bus/pci/devices/%s/uuid", list[1].pci));
	EXPECT_STREQ(uuid, line);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	expect_attributes(_metadata, self, "down", "disabled");
}

static unsigned int count_bits(uint32_t mask)
{
	return __builtin_popcount(mask);
}

static bool within(long value, long low, long high)
{
	return value >= low && value <= high;
}

/* A link that works well, as the model in sfab-optics.rst has it */
TEST_F(link, readings_up)
{
	struct sfab_link_readings readings;
	unsigned int lane;

	ASSERT_EQ(0, link_readings(self->reader, &readings));
	EXPECT_EQ(SFAB_LINK_LASERS_ON | SFAB_LINK_ALIGNED, readings.status & ~SFAB_LINK_LIMITS);
	EXPECT_EQ(self->port.lanes, readings.lanes);
	EXPECT_EQ(readings.lanes, count_bits(readings.used));
	EXPECT_EQ(0, readings.los | readings.lol | readings.tx_fail);
	EXPECT_TRUE(within(readings.temperature_mc, 44000, 46000));
	EXPECT_TRUE(within(readings.supply_mv, 3280, 3320));
	/* 4e-9 typically */
	EXPECT_TRUE(within(readings.ber, 100000000, 1000000000000));
	for (lane = 0; lane < readings.lanes; lane++) {
		const struct sfab_link_lane *now = &readings.lane[lane];

		/* 2.04 dBm and 3.64 dB less */
		EXPECT_TRUE(within(now->tx_power_nw, 1300000, 2000000));
		EXPECT_TRUE(within(now->rx_power_nw, 500000, 900000));
		EXPECT_TRUE(within(now->bias_ua, 95000, 105000));
		EXPECT_TRUE(within(now->snr_mdb, 20000, 24500));
		EXPECT_TRUE(within(now->temperature_mc, 59000, 61500));
		EXPECT_EQ(0, now->age_percent);
		EXPECT_LT(0, now->ber);
		EXPECT_GT(1000000000000000, now->ber);
	}
	EXPECT_TRUE(all_bytes(&readings.lane[lane], (SFAB_LINK_LANES - lane) *
			      sizeof(readings.lane[0]), 0));
}

TEST_F(link, readings_dark)
{
	struct sfab_link_readings readings;
	int64_t end = deadline(WAIT_MS);
	unsigned int lane;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	/* The module measures just after that */
	do {
		ASSERT_EQ(0, link_readings(self->reader, &readings));
	} while (readings.status & SFAB_LINK_LASERS_ON && now_ns() < end);
	/* The partner's light still comes in */
	EXPECT_EQ(0, readings.status & SFAB_LINK_LASERS_ON);
	EXPECT_EQ(0, readings.los | readings.tx_fail);
	for (lane = 0; lane < readings.lanes; lane++)
		EXPECT_EQ(0, readings.lane[lane].tx_power_nw);
}

/* Intervals follow one another, a second each */
TEST_F(link, interval)
{
	struct sfab_link_readings first, next;
	int64_t end = deadline(WAIT_MS);

	ASSERT_EQ(0, link_readings(self->reader, &first));
	do {
		sleep_ms(20);
		ASSERT_EQ(0, link_readings(self->reader, &next));
	} while (next.interval == first.interval && now_ns() < end);
	EXPECT_LE(first.interval + 1, next.interval);
	EXPECT_GE(first.interval + WAIT_MS / 1000, next.interval);
}

/* What a file that may only read sees, it sees again: nothing was used up */
TEST_F(link, counters_agree)
{
	struct sfab_link_counters counters, again;
	uint64_t codewords = 0;
	unsigned int i;

	ASSERT_EQ(0, link_counters(self->reader, &counters));
	ASSERT_EQ(0, port_query(self->accel[0], PORT, &self->port));
	ASSERT_EQ(0, link_counters(self->reader, &again));
	EXPECT_LE(counters.tx_bytes, self->port.tx_bytes);
	EXPECT_GE(again.tx_bytes, self->port.tx_bytes);
	EXPECT_LE(counters.rx_packets, self->port.rx_packets);
	EXPECT_GE(again.rx_packets, self->port.rx_packets);
	EXPECT_EQ(0, memcmp(&self->port.replays, &counters.replays,
			    sizeof(struct sfab_query_port) -
			    offsetof(struct sfab_query_port, replays)));
	EXPECT_EQ(counters.link_downs, self->port.link_downs);
	EXPECT_EQ(counters.failovers, self->port.failovers);
	EXPECT_LT(counters.time_ns, again.time_ns);

	for (i = 0; i < 16; i++)
		codewords += counters.histogram[i];
	/* They are counted one after the other */
	EXPECT_TRUE(within(codewords + counters.uncorrectable - counters.codewords, -2000000000,
			   2000000000));
	EXPECT_LE(counters.codewords, again.codewords);
	EXPECT_LE(counters.corrected, again.corrected);
}

/* Light is never idle, and a clean one has some errors, all of them corrected */
TEST_F(link, codewords_count)
{
	struct sfab_link_counters first, next;
	int64_t end = deadline(WAIT_MS);

	ASSERT_EQ(0, link_counters(self->reader, &first));
	do {
		sleep_ms(20);
		ASSERT_EQ(0, link_counters(self->reader, &next));
	} while (next.codewords == first.codewords && now_ns() < end);
	EXPECT_LT(first.codewords, next.codewords);
	EXPECT_LE(first.symbols, next.symbols);
	EXPECT_EQ(first.uncorrectable, next.uncorrectable);
}

/* ---- CONTROL ---- */

TEST_F(link, loopback)
{
	struct sfab_link_status status;
	struct sfab_query_device device;

	/* Off in between, so that the link that is up is not the old one */
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK,
				  SFAB_LINK_ENABLE | SFAB_LINK_LOOPBACK));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, link_status(self->reader, &status));
	ASSERT_EQ(0, query_device(self->accel[0], &device));
	expect_same_state(_metadata, self, &status);
	EXPECT_EQ(SFAB_LINK_ENABLE | SFAB_LINK_LOOPBACK, status.config);
	EXPECT_EQ(0, memcmp(device.uuid, status.partner_uuid, 16));
	EXPECT_EQ(PORT, status.partner_port);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
}

TEST_F(link, retrain)
{
	struct sfab_link_status before, after;
	struct sfab_link_event event;

	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_status(self->reader, &before));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_RETRAIN, 0));
	ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_STATE, &event, EVENT_MS));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, link_status(self->reader, &after));
	EXPECT_EQ(before.downs + 1, after.downs);
	EXPECT_LT(before.changed_ns, after.changed_ns);
	EXPECT_LT(before.sequence, after.sequence);
}

/* What one sets the other one keeps */
TEST_F(link, control_one)
{
	struct sfab_link_status status;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOOPBACK, SFAB_LINK_LOOPBACK));
	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(SFAB_LINK_LOOPBACK, status.config);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOOPBACK, 0));
	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(SFAB_LINK_ENABLE, status.config);
}

TEST_F(link, low_power)
{
	struct sfab_link_status status;
	struct sfab_link_event event;

	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOW_POWER, SFAB_LINK_LOW_POWER));
	do {
		ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_MODULE, &event,
						EVENT_MS));
	} while ((event.value & 0xff) != SFAB_LINK_MODULE_LOW_POWER);
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(status.insertions, event.insertions);
	expect_same_state(_metadata, self, &status);
	EXPECT_EQ(SFAB_LINK_WHY_LOW_POWER, status.reason);
	EXPECT_EQ(SFAB_LINK_ENABLE | SFAB_LINK_LOW_POWER, status.config);
	EXPECT_EQ(SFAB_LINK_MODULE_LOW_POWER, status.module_state);
	EXPECT_EQ(SFAB_LINK_DATAPATH_DEACTIVATED, status.datapath[0]);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOW_POWER, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
}

TEST_F(link, tx_off)
{
	struct sfab_link_control control = {
		.size = sizeof(control),
		.set = SFAB_LINK_SET_TX_OFF,
		.tx_off = 2,
	};
	struct sfab_link_status status;

	ASSERT_EQ(0, do_ioctl(self->fd, SFAB_LINK_CONTROL, &control));
	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(2, status.tx_off);
	EXPECT_EQ(SFAB_LINK_ENABLE, status.config);
	control.tx_off = 0;
	ASSERT_EQ(0, do_ioctl(self->fd, SFAB_LINK_CONTROL, &control));
	ASSERT_EQ(0, link_status(self->reader, &status));
	EXPECT_EQ(0, status.tx_off);
	/* All lanes are in use again when the link has trained */
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
}

/* What was asked for begins again, the rest goes on; and it is told when that was */
TEST_F(link, cleared)
{
	struct sfab_link_counters before, after;
	struct sfab_link_event event;

	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_counters(self->reader, &before));
	ASSERT_EQ(0, link_clear(self->fd, SFAB_LINK_CLEAR_FEC));
	ASSERT_EQ(0, link_event(self->fd, &event, EVENT_MS));
	EXPECT_EQ(SFAB_LINK_EVENT_CLEAR, event.type);
	EXPECT_EQ(SFAB_LINK_CLEAR_FEC, event.value);
	ASSERT_EQ(0, link_counters(self->reader, &after));
	EXPECT_GT(before.codewords, after.codewords);
	EXPECT_EQ(before.link_downs, after.link_downs);
	EXPECT_LE(before.tx_packets, after.tx_packets);
	EXPECT_EQ(before.clears + 1, after.clears);
	EXPECT_LT(before.time_ns, after.fec_cleared_ns);
	EXPECT_EQ(before.packets_cleared_ns, after.packets_cleared_ns);

	/* Flags are no counters */
	ASSERT_EQ(0, link_clear(self->fd, SFAB_LINK_CLEAR_FLAGS));
	ASSERT_EQ(0, link_event(self->fd, &event, EVENT_MS));
	EXPECT_EQ(SFAB_LINK_CLEAR_FLAGS, event.value);
	ASSERT_EQ(0, link_counters(self->reader, &after));
	EXPECT_EQ(before.clears + 1, after.clears);

	ASSERT_EQ(0, link_clear(self->fd, SFAB_LINK_CLEAR_PACKETS));
	ASSERT_EQ(0, link_counters(self->reader, &after));
	EXPECT_EQ(0, after.link_downs);
	EXPECT_LT(0, after.packets_cleared_ns);
	/* That the count is another one is no event of the link */
	ASSERT_EQ(0, link_event(self->fd, &event, EVENT_MS));
	EXPECT_EQ(SFAB_LINK_EVENT_CLEAR, event.type);
	EXPECT_EQ(-ETIME, link_event(self->fd, &event, 100));
}

/* ---- hwmon ---- */

TEST_F(link, hwmon)
{
	struct sfab_link_readings readings;
	char path[128], line[64], file[32];
	unsigned int lane;

	ASSERT_TRUE(hwmon_of_link(self->name, path, sizeof(path)));
	ASSERT_EQ(0, link_readings(self->reader, &readings));
	ASSERT_EQ(0, read_line(line, sizeof(line), "%s/name", path));
	EXPECT_STREQ("sfab_port0", line);
	ASSERT_EQ(0, read_line(line, sizeof(line), "%s/temp1_label", path));
	EXPECT_STREQ("module", line);
	ASSERT_EQ(0, read_line(line, sizeof(line), "%s/power18_label", path));
	EXPECT_STREQ("rx 1", line);
	/* An interval may have ended between: noise is 0.1 C and 3 mV */
	EXPECT_TRUE(within(hwmon_number(path, "temp1_input") - readings.temperature_mc,
			   -1000, 1000));
	EXPECT_TRUE(within(hwmon_number(path, "in0_input") - readings.supply_mv, -30, 30));
	for (lane = 0; lane < readings.lanes; lane++) {
		const struct sfab_link_lane *now = &readings.lane[lane];

		snprintf(file, sizeof(file), "curr%u_input", lane + 1);
		EXPECT_TRUE(within(hwmon_number(path, file) - now->bias_ua / 1000, -2, 2));
		snprintf(file, sizeof(file), "power%u_input", lane + 1);
		EXPECT_TRUE(within(hwmon_number(path, file) - now->tx_power_nw / 1000, -30, 30));
		snprintf(file, sizeof(file), "power%u_input", lane + 17);
		EXPECT_TRUE(within(hwmon_number(path, file) - now->rx_power_nw / 1000, -30, 30));
		snprintf(file, sizeof(file), "temp%u_input", lane + 2);
		EXPECT_TRUE(within(hwmon_number(path, file) - now->temperature_mc, -1000, 1000));
	}
	/* Nothing of lanes that there are not */
	snprintf(file, sizeof(file), "curr%u_input", lane + 1);
	EXPECT_EQ(LONG_MIN, hwmon_number(path, file));
	snprintf(file, sizeof(file), "power%u_input", lane + 1);
	EXPECT_EQ(LONG_MIN, hwmon_number(path, file));
}

/* ---- uevents ---- */

static const char *uevent_value(const char *text, size_t size, const char *key)
{
	const char *at = text;

	while (at < text + size) {
		if (!strncmp(at, key, strlen(key)) && at[strlen(key)] == '=')
			return at + strlen(key) + 1;
		at += strlen(at) + 1;
	}
	return "";
}

/* Waits for one of the link that says so */
static bool await_uevent(int fd, const char *name, const char *state, const char *reason)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[4096];
	ssize_t size;

	while (poll(&poll_fd, 1, EVENT_MS) == 1) {
		size = recv(fd, text, sizeof(text) - 1, 0);
		if (size <= 0)
			return false;
		text[size] = '\0';
		if (!strncmp(text, "change@", 7) &&
		    !strcmp(uevent_value(text, size, "DEVNAME"), name) &&
		    !strcmp(uevent_value(text, size, "SFAB_STATE"), state) &&
		    !strcmp(uevent_value(text, size, "SFAB_REASON"), reason))
			return atoi(uevent_value(text, size, "SFAB_SEQUENCE")) > 0;
	}
	return false;
}

TEST_F(link, uevent)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	EXPECT_TRUE(await_uevent(fd, self->name, "down", "disabled"));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE));
	EXPECT_TRUE(await_uevent(fd, self->name, "up", "none"));
	close(fd);
}

/* Who waits for the attribute by poll() is told */
TEST_F(link, poll_attribute)
{
	char path[128], text[32];
	struct pollfd poll_fd = { .events = POLLPRI };

	snprintf(path, sizeof(path), "/sys/class/sfab_link/%s/state", self->name);
	poll_fd.fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, poll_fd.fd);
	ASSERT_LT(0, pread(poll_fd.fd, text, sizeof(text), 0));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	/* Of what was before he may still be told, too */
	do {
		ASSERT_EQ(1, poll(&poll_fd, 1, EVENT_MS));
		EXPECT_EQ(POLLPRI, poll_fd.revents & POLLPRI);
		ASSERT_LT(0, pread(poll_fd.fd, text, sizeof(text), 0));
	} while (strncmp(text, "down\n", 5));
	close(poll_fd.fd);
}

TEST_HARNESS_MAIN
