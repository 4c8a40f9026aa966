// SPDX-License-Identifier: MIT
/*
 * Links and their health, for the fake libsfab: two links an accelerator
 *
 * The environment says what it pretends:
 *   FAKE_LINKS=N           links (2 for each of two accelerators)
 *   FAKE_DIRT=N            link N has a dirty connector; with FAKE_DIRT_FROM=U from the Uth
 *                          update on
 *   FAKE_RESULT=N          result of a switch: 1 done, 2 rolled back, 3 failed; one to the
 *                          path in use (0) fails, and one during a test
 *   FAKE_PHASE=N           the phase in which it fails (lock)
 *   FAKE_TEST=STATE        of a pattern test: running, never, or ended (the default)
 *   FAKE_EVENTS=N          events that wait at link 0
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <sfab/sfab.h>

#include "fake.h"

#define MAX_LINKS	16

struct sfab_link {
	unsigned int index;
};

struct sfab_health {
	unsigned int updates;
	int only;		/* link, or -1 */
	int fd;
	char thresholds[64];
	void (*callback)(const struct sfab_verdict *verdict, void *opaque);
	void *opaque;
};

static struct sfab_link links[MAX_LINKS];
static unsigned int events_read;
static uint32_t tx_off;

int sfab_link_count(struct sfab_context *ctx)
{
	(void)ctx;
	FAIL_IF_PLANNED();
	return (int)fake_setting("FAKE_LINKS", 4);
}

int sfab_link_get(struct sfab_context *ctx, unsigned int index, struct sfab_link **link)
{
	FAIL_IF_PLANNED();
	if ((int)index >= sfab_link_count(ctx))
		return fake_fail(-ENODEV, "fake: no link %u", index);
	links[index].index = index;
	*link = &links[index];
	return 0;
}

int sfab_link_find(struct sfab_context *ctx, const char *name, struct sfab_link **link)
{
	unsigned int accel, port;

	if (sscanf(name, "%u:%u", &accel, &port) != 2 || port > 1)
		return fake_fail(-ENODEV, "fake: no link '%s'", name);
	return sfab_link_get(ctx, 2 * accel + port, link);
}

static bool test_is(const char *state)
{
	return !strcmp(getenv("FAKE_TEST") ?: "ended", state);
}

static bool test_runs(void)
{
	return test_is("running");
}

static bool dirty(unsigned int index, unsigned int update)
{
	return fake_setting("FAKE_DIRT", MAX_LINKS) == index &&
	       update >= fake_setting("FAKE_DIRT_FROM", 0);
}

int sfab_link_get_info(struct sfab_link *link, struct sfab_link_info *info)
{
	FAIL_IF_PLANNED();
	*info = (struct sfab_link_info){
		.size = sizeof(*info), .uuid = { 0x5f, 0xab, [15] = 1 }, .accel = link->index / 2,
		.port = link->index % 2, .lanes = 8, .lane_rate = 112, .paths = 2, .present = 1,
		.insertions = 1, .vendor = "SFAB", .part = "DR8", .module_serial = "SFAB17",
		.revision = "1", .pci = "0000:01:00.0",
	};
	return 0;
}

int sfab_link_get_status(struct sfab_link *link, struct sfab_link_status *status)
{
	bool down = link->index == 3;

	FAIL_IF_PLANNED();
	*status = (struct sfab_link_status){
		.size = sizeof(*status), .state = down ? SFAB_LINK_DOWN : SFAB_LINK_UP,
		.reason = down ? SFAB_LINK_WHY_NO_LIGHT : 0, .lanes = down ? 0 : 8,
		.config = SFAB_LINK_ENABLE, .tx_off = tx_off,
		.partner = down ? SFAB_LINK_PARTNER_NONE : SFAB_LINK_PARTNER_ACCEL,
		.partner_eid = down ? 0 : 7, .partner_port = 1, .downs = 3,
		.module_state = SFAB_LINK_MODULE_READY,
	};
	if (test_runs()) {
		status->state = SFAB_LINK_TRAINING;
		status->reason = SFAB_LINK_WHY_TEST;
	}
	return 0;
}

int sfab_link_get_readings(struct sfab_link *link, struct sfab_link_readings *r)
{
	unsigned int l;

	FAIL_IF_PLANNED();
	*r = (struct sfab_link_readings){
		.size = sizeof(*r), .interval = 9, .lanes = 8, .temperature_mc = 45100,
		.supply_mv = 3301, .status = SFAB_LINK_ALIGNED | SFAB_LINK_LASERS_ON,
		.ber = 4000000000, .ber_bits = 896000000000, .ber_errors = 3584,
		.ber_ns = 1000000000, .used = 0xff,
	};
	for (l = 0; l < 8; l++)
		r->lane[l] = (struct sfab_link_lane){
			.tx_power_nw = 1600000, .bias_ua = 100000, .snr_mdb = 22000,
			.rx_power_nw = l == 3 && dirty(link->index, 0) ? 0 : 692000,
			.ber = 4000000000, .temperature_mc = 60000, .age_percent = 2,
		};
	return 0;
}

int sfab_link_get_counters(struct sfab_link *link, struct sfab_link_counters *c)
{
	(void)link;
	FAIL_IF_PLANNED();
	*c = (struct sfab_link_counters){
		.size = sizeof(*c), .time_ns = 123, .rx_packets = UINT64_MAX, .codewords = 1000,
		.corrected = 10, .histogram = { 990, 10 },
	};
	return 0;
}

/* What was asked for can be read from the last error */
int sfab_link_control(struct sfab_link *link, const struct sfab_link_control *control)
{
	FAIL_IF_PLANNED();
	tx_off = control->tx_off;
	fprintf(stderr, "fake: link %u set %#x config %#x off %#x\n", link->index, control->set,
		control->config, control->tx_off);
	return 0;
}

int sfab_link_switch(struct sfab_link *link, struct sfab_link_switch *s)
{
	unsigned int i;

	(void)link;
	FAIL_IF_PLANNED();
	if (s->path > 1)
		return fake_fail(-EINVAL, "fake: no path %u", s->path);
	s->result = (uint32_t)fake_setting("FAKE_RESULT", SFAB_LINK_RESULT_DONE);
	s->count = 5;
	if (s->result != SFAB_LINK_RESULT_DONE) {
		s->failed_phase = (uint32_t)fake_setting("FAKE_PHASE", SFAB_LINK_PHASE_LOCK);
		s->cause = SFAB_LINK_CAUSE_NO_LIGHT;
	}
	if (!(s->flags & SFAB_LINK_SWITCH_QUERY) && (!s->path || test_runs())) {
		s->result = test_runs() ? SFAB_LINK_RESULT_FAILED : SFAB_LINK_RESULT_ROLLED_BACK;
		s->failed_phase = SFAB_LINK_PHASE_PREPARE;
		s->cause = s->path ? SFAB_LINK_CAUSE_NOT_UP : SFAB_LINK_CAUSE_NO_PATH;
	}
	for (i = 0; i < 7; i++)
		s->begin_ns[i] = 1000 + 100000 * i;
	s->model_ns[0] = 70000;
	s->model_ns[1] = 1500000;
	return 0;
}

int sfab_link_read_map(struct sfab_link *link, uint32_t offset, void *data, uint32_t length)
{
	(void)link;
	FAIL_IF_PLANNED();
	/* Two lanes, of which one sends and hears nothing: bytes of lower page, 02h and 11h */
	static const struct {
		uint32_t at;
		uint8_t byte;
	} bytes[] = {
		{ 0, 0x19 }, { 1, 0x52 }, { 3, 3 << 1 }, { 14, 45 }, { 15, 128 }, { 88, 0x22 },
		{ 2 * 128 + 130, 0xf8 }, { 17 * 128 + 148, 1 }, { 17 * 128 + 154, 10000 >> 8 },
		{ 17 * 128 + 155, 10000 & 0xff }, { 17 * 128 + 170, 50000 >> 8 },
		{ 17 * 128 + 171, 50000 & 0xff },
	};
	uint8_t *map = data;
	size_t i;

	memset(map, 0, length);
	for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		if (bytes[i].at >= offset && bytes[i].at - offset < length)
			map[bytes[i].at - offset] = bytes[i].byte;
	}
	return 0;
}

int sfab_link_test(struct sfab_link *link, struct sfab_link_test *test)
{
	static bool stopped;
	(void)link;
	FAIL_IF_PLANNED();
	stopped |= test->op == SFAB_LINK_TEST_STOP;
	if (test_is("never") && test->op != SFAB_LINK_TEST_START)
		return 0;
	test->running = test->op == SFAB_LINK_TEST_START ||
			(!stopped && test_runs());
	/* Lane 7 never, lane 6 no more */
	test->locked = test->running ? 0x3f : 0;
	test->bits = 1000000;
	test->ns = 1500000000;
	test->errors[2] = 4;
	test->errors[6] = 900;
	return 0;
}

int sfab_link_clear(struct sfab_link *link, uint32_t what)
{
	FAIL_IF_PLANNED();
	fprintf(stderr, "fake: link %u clear %#x\n", link->index, what);
	return 0;
}

static void fill_event(struct sfab_link_event *event, uint64_t sequence)
{
	*event = (struct sfab_link_event){
		.size = sizeof(*event), .type = SFAB_LINK_EVENT_STATE, .sequence = sequence,
		.time_ns = 1000 * sequence, .state = SFAB_LINK_DOWN,
		.reason = SFAB_LINK_WHY_NO_LIGHT, .lost = sequence == 1 ? 2 : 0,
	};
}

int sfab_link_get_history(struct sfab_link *link, struct sfab_link_event *events,
			  unsigned int count)
{
	unsigned int i;

	(void)link;
	FAIL_IF_PLANNED();
	for (i = 0; i < 3 && i < count; i++)
		fill_event(&events[i], i + 1);
	return (int)i;
}

int sfab_link_fd(struct sfab_link *link)
{
	static int fd = -1;

	(void)link;
	FAIL_IF_PLANNED();
	if (fd < 0)
		fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return fd;
}

int sfab_link_read_event(struct sfab_link *link, struct sfab_link_event *event)
{
	FAIL_IF_PLANNED();
	if (link->index || events_read == fake_setting("FAKE_EVENTS", 0))
		return fake_fail(-EAGAIN, "fake: no event");
	fill_event(event, ++events_read);
	return 0;
}

/* ---- health ---- */

int sfab_health_open(struct sfab_context *ctx, const char *thresholds, struct sfab_health **health)
{
	(void)ctx;
	FAIL_IF_PLANNED();
	*health = calloc(1, sizeof(**health));
	(*health)->only = -1;
	(*health)->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf((*health)->thresholds, sizeof((*health)->thresholds), "%s",
		 thresholds ? thresholds : "default");
	return 0;
}

void sfab_health_close(struct sfab_health *health)
{
	free(health);
}

int sfab_health_add_link(struct sfab_health *health, struct sfab_link *link)
{
	FAIL_IF_PLANNED();
	health->only = (int)link->index;
	return 0;
}

int sfab_health_add_device(struct sfab_health *health, struct sfab_device *device)
{
	(void)health;
	(void)device;
	FAIL_IF_PLANNED();
	return 0;
}

int sfab_health_fd(struct sfab_health *health)
{
	FAIL_IF_PLANNED();
	return health->fd;
}

int sfab_health_set_callback(struct sfab_health *health,
			     void (*callback)(const struct sfab_verdict *verdict, void *opaque),
			     void *opaque)
{
	FAIL_IF_PLANNED();
	health->callback = callback;
	health->opaque = opaque;
	return 0;
}

int sfab_health_count(struct sfab_health *health)
{
	return health->only < 0 ? (int)fake_setting("FAKE_LINKS", 4) : 1;
}

int sfab_health_get(struct sfab_health *health, unsigned int index, struct sfab_verdict *v)
{
	unsigned int link = health->only < 0 ? index : (unsigned int)health->only;
	struct sfab_finding *f = &v->finding[0];

	FAIL_IF_PLANNED();
	*v = (struct sfab_verdict){
		.size = sizeof(*v), .is_link = 1, .accel = link / 2, .port = link % 2, .gbps = 896,
		.full_gbps = 896, .far_known = 1, .findings = 1,
		.partner = link % 2 ? SFAB_LINK_PARTNER_ACCEL : SFAB_LINK_PARTNER_NONE,
		.partner_eid = 7, .partner_port = 3, .partner_name = "EID 7 port 3",
	};
	snprintf(v->name, sizeof(v->name), "accel%u:%u", link / 2, link % 2);
	f->condition = SFAB_CONDITION_LIGHT;
	f->holds = SFAB_TRUE;
	if (fake_setting("FAKE_CLOSED", UINT32_MAX) == link) {
		f->condition = SFAB_CONDITION_USABLE;
		f->holds = SFAB_UNKNOWN;
		strcpy(f->text, "it may not be opened: Permission denied");
		memcpy(v->text, f->text, sizeof(v->text));
		return 0;
	}
	if (!dirty(link, health->updates))
		return 0;
	f->holds = SFAB_FALSE;
	f->severity = SFAB_SEVERITY_WATCH;
	f->cause = SFAB_HEALTH_DIRTY_CONNECTOR;
	f->action = SFAB_ACTION_CLEAN_CONNECTOR;
	v->severity = f->severity;
	v->cause = f->cause;
	v->action = f->action;
	strcpy(f->text, "lane 3 receives too little");
	memcpy(v->text, f->text, sizeof(v->text));
	return 0;
}

int sfab_health_update(struct sfab_health *health)
{
	unsigned int i, count = (unsigned int)sfab_health_count(health), changes = 0;
	struct sfab_verdict verdict;

	FAIL_IF_PLANNED();
	health->updates++;
	for (i = 0; i < count; i++) {
		if (health->updates > 1 &&
		    dirty(i, health->updates) == dirty(i, health->updates - 1))
			continue;
		changes++;
		if (health->callback && !sfab_health_get(health, i, &verdict))
			health->callback(&verdict, health->opaque);
	}
	return (int)changes;
}

int sfab_health_thresholds(struct sfab_health *health, char *text, size_t size)
{
	FAIL_IF_PLANNED();
	return snprintf(text, size, "{ \"from\": \"%s\" }\n", health->thresholds);
}
