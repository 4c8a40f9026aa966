// SPDX-License-Identifier: MIT
/*
 * The switch program: what it answers in band, how it ends, what it refuses. The test is an
 * accelerator's router at the end of a fibre.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fabric.h"
#include "sfab/fibre.h"

#define MGMT_TX		0xe0000
#define MGMT_RX		0xe0100
#define MGMT_CTRL	0xe0200
#define MGMT_STATUS	0xe0204
#define BOUND_NS	10000000000ull

static char dir[32];	/* where the sockets are */

/* ---- the manager: a router with one port ---- */

struct manager {
	struct sfab_fabric *fabric;
	struct sfab_fibre *fibre;
	struct sfab_fibre_end *end;
};

static void wake(void *opaque)
{
	(void)opaque;
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct manager *m = opaque;

	(void)port;
	(void)path;
	sfab_fibre_ring(m->end);
}

static uint64_t now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void port_event(void *opaque, unsigned int port)
{
	(void)opaque;
	(void)port;
}

static const struct sfab_fabric_ops fabric_ops = {
	.wake = wake, .ring = ring, .now = now, .port_event = port_event, .mgmt_event = wake,
};

static void attach(void *opaque, void *memory, unsigned int end)
{
	struct manager *m = opaque;

	sfab_fabric_attach(m->fabric, 0, 0, memory, end);
}

static void report(void *opaque, const char *text)
{
	(void)opaque;
	print_message("# %s\n", text);
}

static const struct sfab_fibre_ops fibre_ops = { attach, report };

static const char *path_of(const char *name)
{
	static char paths[4][64];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void manager_start(struct manager *m, const char *fibre)
{
	const struct sfab_fabric_config config = {
		.kind = SFAB_KIND_ACCEL, .ports = 1, .paths = 1, .eids = 16, .lanes = 8,
		.lane_rate = 112, .seed = 1, .uuid = { 1 },
	};
	const struct sfab_fibre_config where = { .name = fibre, .path = path_of(fibre) };
	char why[256];

	m->fabric = sfab_fabric_create(&config, &fabric_ops, m, NULL);
	assert_non_null(m->fabric);
	m->fibre = sfab_fibre_create(&where, why, sizeof(why));
	assert_non_null(m->fibre);
	m->end = sfab_fibre_open(m->fibre, &fibre_ops, m, why, sizeof(why));
	assert_non_null(m->end);
}

static void manager_stop(struct manager *m)
{
	sfab_fibre_close(m->end);
	sfab_fibre_destroy(m->fibre);
	sfab_fabric_destroy(m->fabric);
}

static void manager_step(struct manager *m)
{
	struct pollfd fd = { .fd = sfab_fibre_fd(m->end), .events = POLLIN };
	uint64_t due;

	poll(&fd, 1, 1);
	sfab_fibre_service(m->end);
	sfab_fabric_run(m->fabric, &due);
}

static uint32_t reg(struct manager *m, uint64_t offset)
{
	uint64_t value = 0;

	assert_true(sfab_fabric_read(m->fabric, offset, 4, &value));
	return (uint32_t)value;
}

/* Ask along @path; returns the status of the answer, whose data go to @data */
static int ask(struct manager *m, const char *path, uint16_t attribute, uint32_t modifier,
	       uint8_t *data)
{
	uint8_t dg[256] = { 1, 1 };
	uint64_t end = now(NULL) + BOUND_NS;
	unsigned int i;

	memcpy(dg + 2, &attribute, 2);
	dg[6] = 1;
	dg[7] = (uint8_t)strlen(path);
	for (i = 0; path[i]; i++)
		dg[32 + i] = (uint8_t)(path[i] - '0');
	memcpy(dg + 96, &modifier, 4);
	for (i = 0; i < 256; i += 4) {
		uint32_t word;

		memcpy(&word, dg + i, 4);
		assert_true(sfab_fabric_write(m->fabric, MGMT_TX + i, word, 4));
	}
	sfab_fabric_write(m->fabric, MGMT_CTRL, 1, 4);
	while (!(reg(m, MGMT_STATUS) & 2)) {
		assert_true(now(NULL) < end);
		manager_step(m);
	}
	for (i = 0; i < 256; i += 4) {
		uint32_t word = reg(m, MGMT_RX + i);

		memcpy(dg + i, &word, 4);
	}
	sfab_fabric_write(m->fabric, MGMT_CTRL, 2, 4);
	memcpy(data, dg + 128, 128);
	return dg[4];
}

/* Ask again until the answer is what is wanted at data[@at] */
static void await(struct manager *m, const char *path, uint16_t attribute, uint32_t modifier,
		  unsigned int at, uint8_t wanted, uint8_t *data)
{
	uint64_t end = now(NULL) + BOUND_NS;

	while (ask(m, path, attribute, modifier, data) || (data[at] & 15) != wanted)
		assert_true(now(NULL) < end);
}

/* ---- the switches ---- */

static pid_t start(const char *const *words)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(getenv("SFAB_SWITCH"), (char *const *)(uintptr_t)words);
		_exit(127);
	}
	return pid;
}

static int finish(pid_t pid, int sig)
{
	uint64_t end = now(NULL) + BOUND_NS;
	int status;

	if (sig)
		kill(pid, sig);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		assert_true(now(NULL) < end);
		usleep(1000);
	}
	return status;
}

#define UUID(n)	"--uuid=5fab0000-0000-4000-8000-00000000000" n

static pid_t start_first(void)
{
	static char up[96], across[96];
	const char *const words[] = { "sfab-switch", "-n", "s0", "-p", "4", UUID("a"), up, across,
				      NULL };

	snprintf(up, sizeof(up), "--fibre=0,up,server,%s/up", dir);
	snprintf(across, sizeof(across), "--fibre=3,across,server,%s/across", dir);
	return start(words);
}

static pid_t start_second(void)
{
	static char across[96];
	const char *const words[] = { "sfab-switch", "-n", "s1", "-p", "64", UUID("b"), across,
				      NULL };

	snprintf(across, sizeof(across), "--fibre=63,across,client,%s/across", dir);
	return start(words);
}

static void test_in_band(void **state)
{
	pid_t first = start_first(), second = start_second();
	struct manager m;
	uint8_t data[128];

	(void)state;
	manager_start(&m, "up");
	await(&m, "0", 1, 0, 0, SFAB_KIND_SWITCH, data);
	assert_int_equal(data[1], 4);
	assert_int_equal(data[31], 0x0a);
	await(&m, "0", 2, 3, 4, 2, data);		/* port 3 is UP */
	assert_int_equal(data[14], 63);			/* its partner's port */
	assert_int_equal(ask(&m, "03", 1, 0, data), 0);
	assert_int_equal(data[1], 64);
	assert_int_equal(data[31], 0x0b);

	/* The partner dies: loss of light; it comes again: light */
	finish(second, SIGKILL);
	await(&m, "0", 2, 3, 4, 0, data);
	second = start_second();
	await(&m, "0", 2, 3, 4, 2, data);
	assert_int_equal(ask(&m, "03", 1, 0, data), 0);

	assert_int_equal(finish(first, SIGTERM), 0);
	assert_int_equal(finish(second, SIGINT), 0);
	assert_int_equal(access(path_of("up"), F_OK), -1);
	manager_stop(&m);
}

static void refused(const char *a, const char *b, const char *c)
{
	const char *const words[] = { "sfab-switch", a, b, c, NULL };
	int status = finish(start(words), 0);

	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 0);
}

static void test_bad_arguments(void **state)
{
	static char good[96], again[96], high[96];

	(void)state;
	snprintf(good, sizeof(good), "--fibre=0,x,server,%s/x", dir);
	snprintf(again, sizeof(again), "--fibre=0,y,server,%s/y", dir);
	snprintf(high, sizeof(high), "--fibre=64,x,server,%s/x", dir);
	refused("--ports=4", NULL, NULL);		/* no identity */
	refused(UUID(""), NULL, NULL);
	refused(UUID("a"), "--ports=65", NULL);
	refused(UUID("a"), "--ports=0", NULL);
	refused(UUID("a"), good, again);
	refused(UUID("a"), high, NULL);
	refused(UUID("a"), "--fibre=0,x,both,/tmp/x", NULL);
	refused(UUID("a"), "--fibre=0,x,server,/nonexistent/x", NULL);
	snprintf(high, sizeof(high), "--fibre=5,x,server,%s/x", dir);
	refused(UUID("a"), "--ports=4", high);		/* a port that is not there */
	refused(UUID("a"), "surplus", NULL);
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);	/* the switches have left nothing in it */
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sfab-switch.XXXXXX");
	return !mkdtemp(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_band),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
