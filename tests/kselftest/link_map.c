// SPDX-License-Identifier: MIT
/*
 * The CMIS memory map of a module, field by field from the tables of OIF-CMIS 5.2, and that it
 * says the same as the readings, sysfs and hwmon; that each answer is of one moment; and modules
 * that go and come.  The host pulls and plugs them (tests/kselftest/host), so it is run by that
 * script only.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <limits.h>
#include <pthread.h>

#include "link_util.h"

#define PORT		0
#define LANES		8
#define HOST_MS		60000

static uint8_t map[SFAB_LINK_MAP_SIZE];

/* Byte 128 and so on of an upper page, or of the lower one */
#define LOWER(byte)		map[byte]
#define PAGE(page, byte)	map[(page) * 128 + (byte)]

static int u16(unsigned int page, unsigned int byte)
{
	return PAGE(page, byte) << 8 | PAGE(page, byte + 1);
}

static int s16(unsigned int page, unsigned int byte)
{
	return (int16_t)u16(page, byte);
}

FIXTURE(link_map)
{
	int accel[2];
	int fd;
	int reader;
	char name[32];
};

FIXTURE_SETUP(link_map)
{
	ASSERT_EQ(0, fabric_open(self->accel));
	ASSERT_EQ(0, link_name(0, PORT, self->name));
	self->fd = link_open(0, PORT, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->reader = link_open(0, PORT, O_RDONLY);
	ASSERT_LE(0, self->reader);
	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
}

FIXTURE_TEARDOWN(link_map)
{
	EXPECT_EQ(0, link_bring_up(self->fd));
	close(self->reader);
	close(self->fd);
	close(self->accel[0]);
	close(self->accel[1]);
}

static bool sum_is_right(unsigned int page, unsigned int from, unsigned int to)
{
	uint8_t sum = 0;

	for (; from < to; from++)
		sum += PAGE(page, from);
	return sum == PAGE(page, to);
}

static bool text_is(unsigned int page, unsigned int byte, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		char expected = i < strlen(text) ? text[i] : ' ';

		if (PAGE(page, byte + i) != expected)
			return false;
	}
	return true;
}

TEST_F(link_map, lower_page)
{
	EXPECT_EQ(0x19, LOWER(0));		/* OSFP with CMIS */
	EXPECT_EQ(0x52, LOWER(1));		/* revision 5.2 */
	EXPECT_EQ(0, LOWER(2) >> 7);		/* paged memory */
	EXPECT_EQ(3, LOWER(3) >> 1 & 7);	/* ModuleReady */
	EXPECT_EQ(1, LOWER(3) & 1);		/* interrupt not asserted */
	EXPECT_EQ(0, LOWER(41));		/* no fault */
	EXPECT_EQ(2, LOWER(85));		/* single mode fibre */
	EXPECT_EQ(0x52, LOWER(86));
	EXPECT_EQ(0x56, LOWER(87));		/* 800GBASE-DR8 */
	EXPECT_EQ(LANES << 4 | LANES, LOWER(88));
	EXPECT_EQ(1, LOWER(89) & 1);		/* from lane 1 on */
	EXPECT_EQ(0xff, LOWER(90));		/* end of the list */
}

TEST_F(link_map, page_00h)
{
	struct sfab_link_info info;

	ASSERT_EQ(0, link_info(self->reader, &info));
	EXPECT_EQ(0x19, PAGE(0, 128));
	EXPECT_TRUE(text_is(0, 129, "SFAB", 16));
	EXPECT_TRUE(text_is(0, 148, "SFAB-DR8-OCS", 16));
	EXPECT_TRUE(text_is(0, 164, "A1", 2));
	EXPECT_TRUE(text_is(0, 182, "250101", 8));
	EXPECT_EQ(7, PAGE(0, 200) >> 5);	/* power class 8: see the next byte */
	EXPECT_EQ(64, PAGE(0, 201));		/* 16 W in 0.25 W */
	EXPECT_EQ(0, PAGE(0, 210));		/* no lane is missing */
	EXPECT_EQ(6, PAGE(0, 212));		/* 1310 nm EML */
	EXPECT_TRUE(sum_is_right(0, 128, 222));
	/* INFO has the texts */
	EXPECT_STREQ("SFAB", info.vendor);
	EXPECT_STREQ("SFAB-DR8-OCS", info.part);
	EXPECT_STREQ("A1", info.revision);
	EXPECT_TRUE(text_is(0, 166, info.module_serial, 16));
	EXPECT_EQ(16, strlen(info.module_serial));
	EXPECT_EQ(SFAB_LINK_CAP_MAP | SFAB_LINK_CAP_TEST,
		  info.caps & (SFAB_LINK_CAP_MAP | SFAB_LINK_CAP_TEST));
}

TEST_F(link_map, page_01h)
{
	EXPECT_EQ(1 << 6, PAGE(1, 142) & 1 << 6);	/* VDM */
	EXPECT_EQ(0x35, PAGE(1, 144));		/* Init < 500 ms, Deinit < 50 ms */
	EXPECT_EQ(3 << 3, PAGE(1, 151) & 3 << 3);	/* average powers, for RxLOS too */
	EXPECT_EQ(2, PAGE(1, 155) & 2);		/* TxDisable */
	EXPECT_EQ(1, PAGE(1, 157) & 1);		/* flag of TxFail */
	EXPECT_EQ(6, PAGE(1, 158) & 6);		/* flags of RxLOS, RxLOL */
	EXPECT_EQ(3, PAGE(1, 159) & 3);		/* temperature, supply */
	EXPECT_EQ(7, PAGE(1, 160) & 7);		/* bias, Tx and Rx power */
	EXPECT_EQ(0, PAGE(1, 160) >> 3 & 3);	/* bias in 2 uA */
	EXPECT_EQ(1, PAGE(1, 162) & 1);		/* RxCDR */
	EXPECT_TRUE(sum_is_right(1, 130, 255));
}

static void expect_limits(struct __test_metadata *_metadata, const struct sfab_link_limits *l,
			  int high_alarm, int low_alarm, int high_warning, int low_warning)
{
	EXPECT_EQ(high_alarm, l->high_alarm);
	EXPECT_EQ(low_alarm, l->low_alarm);
	EXPECT_EQ(high_warning, l->high_warning);
	EXPECT_EQ(low_warning, l->low_warning);
}

/* In the map as codes, in READINGS in their units */
TEST_F(link_map, thresholds)
{
	struct sfab_link_readings r;

	ASSERT_EQ(0, link_readings(self->reader, &r));
	EXPECT_EQ(78 * 256, s16(2, 128));
	EXPECT_EQ(-8 * 256, s16(2, 130));
	EXPECT_EQ(73 * 256, s16(2, 132));
	EXPECT_EQ(-3 * 256, s16(2, 134));
	EXPECT_EQ(36300, u16(2, 136));
	EXPECT_EQ(29700, u16(2, 138));
	EXPECT_EQ(31623, u16(2, 176));
	EXPECT_EQ(64900, u16(2, 184));
	EXPECT_EQ(2042, u16(2, 194));
	EXPECT_TRUE(sum_is_right(2, 128, 255));
	EXPECT_EQ(SFAB_LINK_LIMITS, r.status & SFAB_LINK_LIMITS);
	expect_limits(_metadata, &r.temperature_limits, 78000, -8000, 73000, -3000);
	expect_limits(_metadata, &r.supply_limits, 3630, 2970, 3465, 3135);
	/* 5, -3.9, 4, -2.9 dBm; 5, -6.9, 4, -5.9 dBm */
	expect_limits(_metadata, &r.tx_power_limits, 3162300, 407400, 2511900, 512900);
	expect_limits(_metadata, &r.rx_power_limits, 3162300, 204200, 2511900, 257000);
	expect_limits(_metadata, &r.bias_limits, 129800, 20000, 125000, 30000);
}

TEST_F(link_map, thresholds_hwmon)
{
	static const struct {
		const char *file;
		long value;
	} files[] = {
		{ "temp1_crit", 78000 }, { "temp1_lcrit", -8000 }, { "temp1_max", 73000 },
		{ "temp1_min", -3000 }, { "in0_crit", 3630 }, { "in0_lcrit", 2970 },
		{ "in0_max", 3465 }, { "in0_min", 3135 }, { "curr1_crit", 130 },
		{ "curr8_lcrit", 20 }, { "curr1_max", 125 }, { "curr1_min", 30 },
		{ "power1_crit", 3162 }, { "power8_lcrit", 407 }, { "power1_max", 2512 },
		{ "power1_min", 513 }, { "power17_crit", 3162 }, { "power24_lcrit", 204 },
		{ "power17_max", 2512 }, { "power17_min", 257 },
	};
	char path[128];
	unsigned int i;

	ASSERT_TRUE(hwmon_of_link(self->name, path, sizeof(path)));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(files[i].value, hwmon_number(path, files[i].file)) {
			TH_LOG("%s", files[i].file);
		}
	}
	/* The lasers have none in page 02h, and there are no more lanes */
	EXPECT_EQ(LONG_MIN, hwmon_number(path, "temp2_crit"));
	EXPECT_EQ(LONG_MIN, hwmon_number(path, "curr9_crit"));
	EXPECT_EQ(LONG_MIN, hwmon_number(path, "power25_crit"));
}

TEST_F(link_map, lanes)
{
	unsigned int lane;

	EXPECT_EQ(0, PAGE(0x10, 130));		/* no laser is to be off */
	EXPECT_EQ(0xff, PAGE(0x11, 132));	/* outputs of the host's side */
	EXPECT_EQ(0xff, PAGE(0x11, 133));	/* and of the fibre's */
	for (lane = 0; lane < LANES; lane++) {
		EXPECT_EQ(SFAB_LINK_DATAPATH_ACTIVATED,
			  PAGE(0x11, 128 + lane / 2) >> lane % 2 * 4 & 0xf);
		EXPECT_EQ(1, PAGE(0x11, 202 + lane / 2) >> lane % 2 * 4 & 0xf);
		EXPECT_EQ(0x10, PAGE(0x10, 145 + lane) & 0xf0);	/* application 1 */
		EXPECT_EQ(0x10, PAGE(0x11, 206 + lane) & 0xf0);
	}
}

/* What flags are set when lanes have been dark: latched until CLEAR */
TEST_F(link_map, flags)
{
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOW_POWER, SFAB_LINK_LOW_POWER));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_LOW_POWER, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
	EXPECT_EQ(1, LOWER(8) & 1);		/* the module's state has changed */
	EXPECT_EQ(1, LOWER(4) & 1);		/* there are flags in page 11h */
	EXPECT_EQ(0xff, PAGE(0x11, 134));	/* data paths have changed */
	EXPECT_EQ(0xff, PAGE(0x11, 147));	/* LOS */
	EXPECT_EQ(0xff, PAGE(0x11, 148));	/* LOL */
	ASSERT_EQ(0, link_clear(self->fd, SFAB_LINK_CLEAR_FLAGS));
	ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
	EXPECT_EQ(0, LOWER(8) & 1);
	EXPECT_EQ(0, PAGE(0x11, 134));
	EXPECT_EQ(0, PAGE(0x11, 147));
	EXPECT_EQ(0, PAGE(0x11, 148));
}

/* Descriptors: type of the observable, and its set of thresholds and its lane */
TEST_F(link_map, vdm)
{
	static const struct {
		unsigned int first, type, set;
	} kinds[] = { { 0, 1, 0 }, { 8, 4, 1 }, { 16, 5, 2 } };
	unsigned int k, lane;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (lane = 0; lane < LANES; lane++) {
			unsigned int at = 128 + 2 * (kinds[k].first + lane);

			EXPECT_EQ(kinds[k].set << 4 | lane, PAGE(0x20, at));
			EXPECT_EQ(kinds[k].type, PAGE(0x20, at + 1));
		}
	}
	EXPECT_EQ(15, PAGE(0x20, 128 + 2 * 24 + 1));	/* BER */
	EXPECT_EQ(23, PAGE(0x20, 128 + 2 * 25 + 1));	/* frame errors */
	EXPECT_EQ(100, u16(0x28, 128));		/* age */
	EXPECT_EQ(93 * 256, s16(0x28, 136));	/* laser */
	EXPECT_EQ(16 * 256, u16(0x28, 146));	/* SNR */
	/* All is well */
	for (k = 128; k < 141; k++)
		EXPECT_EQ(0, PAGE(0x2c, k));
}

TEST_F(link_map, pages_that_are_not_there)
{
	EXPECT_TRUE(all_bytes(&PAGE(0x03, 128), 13 * 128, 0));
	EXPECT_TRUE(all_bytes(&PAGE(0x12, 128), 14 * 128, 0));
	EXPECT_TRUE(all_bytes(&PAGE(0x30, 128), 208 * 128, 0));
}

static long milli(int value)
{
	return (value * 1000L + (value < 0 ? -128 : 128)) / 256;
}

/* F16 of CMIS in 10^18 bits */
static uint64_t ber(int f16)
{
	uint64_t value = f16 & 0x7ff;
	int s;

	for (s = (f16 >> 11) - 6; s > 0; s--)
		value *= 10;
	for (; s < 0; s++)
		value = (value + 5) / 10;
	return value;
}

/* While the readings stand still everything is exactly the same everywhere */
TEST_F(link_map, equals_readings)
{
	struct sfab_link_readings r, again;
	unsigned int lane, tries = 50;
	uint64_t interval;
	long temperature, supply;
	char path[128];

	ASSERT_TRUE(hwmon_of_link(self->name, path, sizeof(path)));
	do {
		ASSERT_EQ(0, link_readings(self->reader, &r));
		ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), &interval));
		temperature = link_number(self->name, "temperature");
		supply = link_number(self->name, "supply");
		EXPECT_EQ(r.lane[0].bias_ua > 0, hwmon_number(path, "curr1_input") > 0);
		ASSERT_EQ(0, link_readings(self->reader, &again));
	} while (memcmp(&r, &again, sizeof(r)) && --tries);
	ASSERT_NE(0, tries);
	EXPECT_EQ(r.interval, interval);
	EXPECT_EQ(r.temperature_mc, milli((int16_t)(LOWER(14) << 8 | LOWER(15))));
	EXPECT_EQ(r.temperature_mc, temperature);
	EXPECT_EQ(r.supply_mv, ((LOWER(16) << 8 | LOWER(17)) + 5) / 10);
	EXPECT_EQ(r.supply_mv, supply);
	for (lane = 0; lane < LANES; lane++) {
		EXPECT_EQ(r.lane[lane].tx_power_nw, u16(0x11, 154 + 2 * lane) * 100);
		EXPECT_EQ(r.lane[lane].bias_ua, u16(0x11, 170 + 2 * lane) * 2);
		EXPECT_EQ(r.lane[lane].rx_power_nw, u16(0x11, 186 + 2 * lane) * 100);
		EXPECT_EQ(r.lane[lane].age_percent, u16(0x24, 128 + 2 * lane));
		EXPECT_EQ(r.lane[lane].temperature_mc, milli(s16(0x24, 144 + 2 * lane)));
		EXPECT_EQ(r.lane[lane].snr_mdb, milli(u16(0x24, 160 + 2 * lane)));
	}
	EXPECT_EQ(r.ber, ber(u16(0x24, 128 + 2 * 24)));
}

/* A part of it is as in the whole, wherever it begins and ends */
TEST_F(link_map, parts)
{
	static const uint32_t parts[][2] = {
		{ 0, 1 }, { 1, 2 }, { 127, 2 }, { 128, 128 }, { 129, 16 }, { 131, 5 },
		{ 250, 300 }, { 383, 2 }, { SFAB_LINK_MAP_SIZE - 1, 1 }, { 0x10 * 128, 1024 },
	};
	uint8_t part[1026];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		uint32_t offset = parts[i][0], length = parts[i][1];
		unsigned int tries = 20;

		do {
			memset(part, 0x55, sizeof(part));
			ASSERT_EQ(0, link_map(self->reader, offset, part + 1, length, NULL));
			ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
		} while (memcmp(part + 1, map + offset, length) && --tries);
		EXPECT_NE(0, tries) {
			TH_LOG("%u bytes from %u on", length, offset);
		}
		EXPECT_EQ(0x55, part[0]);
		EXPECT_EQ(0x55, part[length + 1]);
	}
}

static bool file_is_the_same(const char *path)
{
	static uint8_t file[SFAB_LINK_MAP_SIZE + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 1;

	while (fd >= 0 && n > 0) {
		n = read(fd, file + done, sizeof(file) - done);
		done += n > 0 ? n : 0;
	}
	close(fd);
	return fd >= 0 && !n && done == sizeof(map) && !memcmp(file, map, sizeof(map));
}

TEST_F(link_map, attribute)
{
	unsigned int tries = 20;
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/sfab_link/%s/cmis", self->name);
	while (!file_is_the_same(path) && --tries)
		ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
	EXPECT_NE(0, tries);
}

TEST_F(link_map, refused)
{
	const uint32_t size = SFAB_LINK_MAP_SIZE;
	uint8_t *page = mmap(NULL, SZ_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_MAPPED(page);
	EXPECT_EQ(-EINVAL, link_map(self->fd, 0, map, 0, NULL));
	EXPECT_EQ(-EINVAL, link_map(self->fd, size, map, 1, NULL));
	EXPECT_EQ(-EINVAL, link_map(self->fd, size - 1, map, 2, NULL));
	EXPECT_EQ(-EINVAL, link_map(self->fd, 0, map, size + 1, NULL));
	EXPECT_EQ(-EINVAL, link_map(self->fd, 0xffffffff, map, 2, NULL));
	EXPECT_EQ(-EINVAL, link_map(self->fd, 1, map, 0xffffffff, NULL));
	EXPECT_EQ(-EFAULT, link_map(self->fd, 0, NULL, 1, NULL));
	EXPECT_EQ(-EFAULT, link_map(self->fd, 0, unmapped_address(), size, NULL));
	EXPECT_EQ(-EFAULT, link_map(self->fd, 0, page, 1, NULL));
	EXPECT_EQ(-EFAULT, link_map(self->fd, 0, at_page_end(127), 128, NULL));
	EXPECT_EQ(0, link_map(self->fd, 0, at_page_end(128), 128, NULL));
	munmap(page, SZ_4K);
}

/* ---- of one moment ---- */

static volatile bool stop;

static void *keep_switching(void *arg)
{
	struct sfab_link_control control = {
		.size = sizeof(control),
		.set = SFAB_LINK_SET_TX_OFF,
	};
	int *fd = arg;

	while (!stop) {
		control.tx_off ^= 0xa5;
		do_ioctl(*fd, SFAB_LINK_CONTROL, &control);
		sleep_ms(1);
	}
	control.tx_off = 0;
	do_ioctl(*fd, SFAB_LINK_CONTROL, &control);
	return NULL;
}

/* A lane whose laser is to be off has that in four places, two of them far from one another */
static bool agrees(void)
{
	unsigned int lane;

	for (lane = 0; lane < LANES; lane++) {
		bool off = PAGE(0x10, 130) >> lane & 1;
		unsigned int state = PAGE(0x11, 128 + lane / 2) >> lane % 2 * 4 & 0xf;
		bool initialized = state == SFAB_LINK_DATAPATH_INITIALIZED;

		if (off != initialized ||
		    off != !(PAGE(0x11, 133) >> lane & 1) ||
		    off != !u16(0x11, 154 + 2 * lane))
			return false;
	}
	return sum_is_right(0, 128, 222) && sum_is_right(2, 128, 255);
}

TEST_F_TIMEOUT(link_map, never_torn, 100)
{
	unsigned int good = 0, busy = 0, dark = 0;
	int64_t end = deadline(5000);
	pthread_t thread;

	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_switching, &self->fd));
	while (now_ns() < end) {
		int ret = link_map(self->reader, 0, map, sizeof(map), NULL);

		if (ret == -EAGAIN) {
			busy++;
			continue;
		}
		EXPECT_EQ(0, ret);
		EXPECT_TRUE(agrees());
		dark += PAGE(0x10, 130) != 0;
		good++;
	}
	stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	printf("# %u maps, %u of them with lasers off, %u times EAGAIN\n", good, dark, busy);
	EXPECT_LT(10, good);
	EXPECT_LT(0, dark);
	EXPECT_GT(good, dark);
	/* All lanes are in use again when the link has trained */
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
}

/* ---- modules that go and come ---- */

static int await_module(int fd, uint32_t present)
{
	int64_t end = deadline(HOST_MS);
	struct sfab_link_info info;
	int ret;

	for (;;) {
		ret = link_info(fd, &info);
		if (ret || info.present == present)
			return ret;
		if (now_ns() > end)
			return -ETIME;
		sleep_ms(10);
	}
}

/* What happened to the module with number @insertions, before what happened to the next one */
static bool told_apart(int fd, uint32_t insertions)
{
	struct sfab_link_event events[64];
	uint64_t last = 0, first = UINT64_MAX;
	int i, count = link_history(fd, events, ARRAY_SIZE(events));

	for (i = 0; i < count; i++) {
		if (events[i].insertions == insertions && events[i].sequence > last)
			last = events[i].sequence;
		if (events[i].insertions == insertions + 1 && events[i].sequence < first)
			first = events[i].sequence;
	}
	return last && first != UINT64_MAX && last < first;
}

TEST_F_TIMEOUT(link_map, swapped, 150)
{
	struct sfab_link_info before, info;
	struct sfab_link_readings readings;
	char path[128], hwmon[128];
	uint8_t byte;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/sfab_link/%s/cmis", self->name);
	ASSERT_TRUE(hwmon_of_link(self->name, hwmon, sizeof(hwmon)));
	ASSERT_EQ(0, link_info(self->reader, &before));
	ask_host_to_inject("module,port=0,value=0", "accel0");
	ASSERT_EQ(0, await_module(self->reader, 0));
	EXPECT_EQ(-ENXIO, link_map(self->reader, 0, map, sizeof(map), NULL));
	EXPECT_EQ(-ENXIO, link_map(self->reader, SFAB_LINK_MAP_SIZE - 1, map, 1, NULL));
	/* A pointer that leads nowhere comes first */
	EXPECT_EQ(-EFAULT, link_map(self->reader, 0, NULL, 1, NULL));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(ENXIO, errno);
	close(fd);
	ASSERT_EQ(0, link_info(self->reader, &info));
	EXPECT_STREQ("", info.vendor);
	EXPECT_STREQ("", info.part);
	EXPECT_STREQ("", info.module_serial);
	EXPECT_STREQ("", info.revision);
	EXPECT_EQ(before.insertions, info.insertions);
	ASSERT_EQ(0, link_readings(self->reader, &readings));
	EXPECT_EQ(0, readings.status & SFAB_LINK_LIMITS);
	EXPECT_EQ(0, readings.temperature_limits.high_alarm);
	EXPECT_EQ(LONG_MIN, hwmon_number(hwmon, "temp1_crit"));

	ask_host_to_inject("module,port=0,value=77", "accel0");
	ASSERT_EQ(0, await_module(self->reader, 1));
	ASSERT_EQ(0, link_map(self->reader, 0, map, sizeof(map), NULL));
	ASSERT_EQ(0, link_info(self->reader, &info));
	EXPECT_STREQ("SFAB000000000077", info.module_serial);
	EXPECT_STREQ("SFAB-DR8-OCS", info.part);
	EXPECT_TRUE(text_is(0, 166, info.module_serial, 16));
	EXPECT_EQ(before.insertions + 1, info.insertions);
	EXPECT_TRUE(told_apart(self->reader, before.insertions));
	EXPECT_EQ(78000, hwmon_number(hwmon, "temp1_crit"));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
}

/* Who was at the other end is told when the link is down */
TEST_F(link_map, last_partner)
{
	struct sfab_link_status up, down;
	int64_t end = deadline(WAIT_MS);

	ASSERT_EQ(0, link_status(self->reader, &up));
	EXPECT_EQ(SFAB_LINK_PARTNER_ACCEL, up.last_partner);
	EXPECT_EQ(up.partner_eid, up.last_partner_eid);
	EXPECT_EQ(up.partner_port, up.last_partner_port);
	EXPECT_EQ(0, memcmp(up.partner_uuid, up.last_partner_uuid, 16));
	/* It gets another EID while the link is up: that is no event */
	ASSERT_EQ(0, fabric_set_eid(self->accel[1], EID(7)));
	do {
		ASSERT_EQ(0, link_status(self->reader, &up));
	} while (up.partner_eid != EID(7) && now_ns() < end);
	ASSERT_EQ(EID(7), up.partner_eid);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_status(self->reader, &down));
	EXPECT_EQ(SFAB_LINK_PARTNER_NONE, down.partner);
	EXPECT_EQ(SFAB_LINK_PARTNER_ACCEL, down.last_partner);
	EXPECT_EQ(EID(7), down.last_partner_eid);
	EXPECT_EQ(up.partner_port, down.last_partner_port);
	EXPECT_EQ(0, memcmp(up.partner_uuid, down.last_partner_uuid, 16));
	EXPECT_EQ(0, down.last_reserved);
}

TEST_HARNESS_MAIN
