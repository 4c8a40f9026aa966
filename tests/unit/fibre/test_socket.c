// SPDX-License-Identifier: MIT
/* Two fibres' ends that find each other through a socket. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "owner.h"

static struct owner a, b;
static struct owner *both[] = { &a, &b };
static const char *path;

/* Two ends at one path, or at one port of this host. */
static void lay_both(bool mirror, const char *port)
{
	struct sfab_fibre_config config = { .name = "blue", .mirror = mirror, .server = true };

	if (port) {
		config.host = "127.0.0.1";
		config.port = port;
	} else {
		path = socket_path();
		config.path = path;
	}
	owner_open(&a, lay(config));
	config.server = false;
	owner_open(&b, lay(config));
}

static void end_both(void)
{
	owner_end(&b);
	owner_end(&a);
	if (path)
		assert_int_equal(access(path, F_OK), -1);	/* it cleans up */
	if (path)
		remove_socket_path();
	path = NULL;
}

/* What @from writes to its part, @to reads. */
static void check_carries(struct owner *from, struct owner *to)
{
	uint64_t *words = (uint64_t *)(from->memory + from->index * HALF_SIZE);
	uint8_t *ring = from->memory + from->index * HALF_SIZE + RINGS_AT;
	struct owner *order[] = { to, from };
	unsigned int i;

	for (i = 0; i < 4096; i++)
		ring[i] = i * 7 + from->index;
	words[RING_WORDS(0) / 8] = 4096;
	words[WORD_LIGHT / 8] = 5;
	to->rung = 0;
	for (i = 0; i < 100 && !to->rung; i++) {
		sfab_fibre_ring(from->end);
		serve(order, 2, first_reported, 20);
	}
	assert_true(to->rung);
	words = (uint64_t *)(to->memory + from->index * HALF_SIZE);
	assert_int_equal(words[RING_WORDS(0) / 8], 4096);
	assert_int_equal(words[WORD_LIGHT / 8], 5);
	assert_memory_equal(to->memory + from->index * HALF_SIZE + RINGS_AT, ring, 4096);
}

static struct sfab_fibre *lay_one(const char *name, bool server, bool mirror)
{
	return lay((struct sfab_fibre_config){
		.name = name, .path = path, .server = server, .mirror = mirror,
	});
}

static void check_link(bool same_bytes)
{
	assert_true(serve(both, 2, all_light, 3000));
	assert_int_equal(a.index, 0);
	assert_int_equal(b.index, 1);
	a.memory[0x200000] = 0x5a;
	assert_int_equal(b.memory[0x200000] == 0x5a, same_bytes);
	check_carries(&a, &b);
	check_carries(&b, &a);
	assert_int_equal(a.reports + b.reports, 0);
}

static void test_unix(void **state)
{
	(void)state;
	lay_both(false, NULL);
	check_link(true);
	end_both();
}

static void test_unix_mirrored(void **state)
{
	(void)state;
	lay_both(true, NULL);
	check_link(false);
	end_both();
}

static const char *free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(in);
	static char port[8];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
	getsockname(fd, (struct sockaddr *)&in, &size);
	close(fd);
	snprintf(port, sizeof(port), "%u", ntohs(in.sin_port));
	return port;
}

static void test_tcp(void **state)
{
	(void)state;
	lay_both(false, free_port());
	check_link(false);
	end_both();
}

/* Only one of them can, or wants to, share. */
static void test_one_wants_a_mirror(void **state)
{
	struct sfab_fibre_config config = { .name = "f", .server = true };

	(void)state;
	path = socket_path();
	config.path = path;
	owner_open(&a, lay(config));
	config.server = false;
	config.mirror = true;
	owner_open(&b, lay(config));
	check_link(false);
	end_both();
}

static void test_the_connector_may_come_first(void **state)
{
	struct sfab_fibre_config config = { .name = "f" };

	(void)state;
	path = socket_path();
	config.path = path;
	owner_open(&b, lay(config));
	assert_false(serve((struct owner *[]){ &b }, 1, all_light, 400));
	config.server = true;
	owner_open(&a, lay(config));
	check_link(true);
	assert_int_equal(b.reports, 0);		/* nobody there is no news */
	end_both();
}

static void test_cut_and_mend(void **state)
{
	struct owner *end;
	unsigned int i;

	(void)state;
	lay_both(false, NULL);
	assert_true(serve(both, 2, all_light, 3000));
	for (i = 0; i < 4; i++) {
		end = both[i % 2];
		sfab_fibre_cut(end->fibre, true);
		assert_true(serve(both, 2, all_dark, 1000));
		assert_false(serve(both, 2, all_light, 600));
		sfab_fibre_cut(end->fibre, false);
		assert_true(serve(both, 2, all_light, 3000));
	}
	check_link(true);
	end_both();
}

static void test_an_end_that_closes_and_opens_again(void **state)
{
	unsigned int i;

	(void)state;
	lay_both(false, NULL);
	for (i = 0; i < 2; i++) {
		assert_true(serve(both, 2, all_light, 3000));
		owner_close(both[i]);
		assert_true(serve((struct owner *[]){ both[1 - i] }, 1, first_dark, 1000));
		owner_open(both[i], both[i]->fibre);
	}
	check_link(true);
	end_both();
}

static void test_one_end_here(void **state)
{
	struct sfab_fibre_ops ops = { 0 };
	char why[128];

	(void)state;
	lay_both(false, NULL);
	assert_null(sfab_fibre_open(a.fibre, &ops, NULL, why, sizeof(why)));
	assert_string_equal(why, "fibre 'blue' is in use; the end here leads to one port");
	end_both();
}

/* The other end in a process of its own, which is killed. */
static pid_t start_peer(bool mirror)
{
	struct owner *peer[] = { &b };
	pid_t pid = fork();

	if (pid)
		return pid;
	/* Not the parent's: they are closed, so that the kill of the child ends them. */
	owner_open(&b, lay_one("f", false, mirror));
	serve(peer, 1, never, 20000);
	_exit(1);
}

static bool first_light(struct owner **owners)
{
	return owners[0]->memory;
}

static void killed_peer(bool mirror)
{
	struct owner *only[] = { &a };
	unsigned int i;
	pid_t pid;

	path = socket_path();
	owner_open(&a, lay_one("f", true, mirror));
	for (i = 0; i < 3; i++) {
		pid = start_peer(mirror);
		assert_true(serve(only, 1, first_light, 5000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_true(serve(only, 1, first_dark, 1000));
	}
	assert_int_equal(a.reports, 0);
	owner_end(&a);
	remove_socket_path();
	path = NULL;
}

static void test_killed_peer(void **state)
{
	(void)state;
	killed_peer(false);
}

static void test_killed_mirror_peer(void **state)
{
	(void)state;
	killed_peer(true);
}

/* A listener that was killed leaves its path behind; the next one takes it over. */
static void test_killed_listener(void **state)
{
	struct owner *only[] = { &b };
	unsigned int i;
	pid_t pid;

	(void)state;
	path = socket_path();
	owner_open(&b, lay_one("f", false, false));
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			owner_open(&a, lay_one("f", true, false));
			serve((struct owner *[]){ &a }, 1, never, 20000);
			_exit(1);
		}
		assert_true(serve(only, 1, first_light, 5000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_true(serve(only, 1, first_dark, 1000));
		assert_int_equal(access(path, F_OK), 0);
	}
	owner_end(&b);
	remove_socket_path();
	path = NULL;
}

static void test_crossed_fibres(void **state)
{
	(void)state;
	path = socket_path();
	owner_open(&a, lay_one("red", true, false));
	owner_open(&b, lay_one("blue", false, false));
	assert_false(serve(both, 2, all_light, 1200));
	/* Both tell, once each, however often it is tried again. */
	assert_int_equal(a.reports, 1);
	assert_int_equal(b.reports, 1);
	assert_non_null(strstr(a.report, "crossed fibres: "));
	assert_non_null(strstr(b.report, "crossed fibres: "));
	assert_non_null(strstr(a.report, "'red'"));
	assert_non_null(strstr(a.report, "'blue'"));
	end_both();
}

static void check_refused(struct sfab_fibre_config config, const char *text)
{
	char why[256] = "";

	config.name = "f";
	assert_null(sfab_fibre_create(&config, why, sizeof(why)));
	if (!strstr(why, text))
		fail_msg("'%s' does not say '%s'", why, text);
}

static void test_bad_addresses(void **state)
{
	char longer[200];
	FILE *file;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	check_refused((struct sfab_fibre_config){ .path = longer }, "has 1 to 107 bytes");
	check_refused((struct sfab_fibre_config){ .path = "" }, "has 1 to 107 bytes");
	check_refused((struct sfab_fibre_config){ .path = "/nowhere/f", .server = true },
		      "cannot listen at /nowhere/f: No such file");
	check_refused((struct sfab_fibre_config){ .host = "127.0.0.1", .port = "x" }, "port 'x'");
	check_refused((struct sfab_fibre_config){ .host = "127.0.0.1" }, "port ''");

	lay_both(false, NULL);
	check_refused((struct sfab_fibre_config){ .path = path, .server = true },
		      "somebody listens there already");
	end_both();

	/* A file that is no socket is not ours to remove. */
	path = socket_path();
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	check_refused((struct sfab_fibre_config){ .path = path, .server = true },
		      "cannot listen");
	assert_int_equal(access(path, F_OK), 0);
	remove_socket_path();
	path = NULL;
}

/* Many rings fill the socket; nobody blocks, none of the memory depends on them. */
static void test_a_bell_that_nobody_hears(void **state)
{
	unsigned int i;

	(void)state;
	lay_both(false, NULL);
	assert_true(serve(both, 2, all_light, 3000));
	for (i = 0; i < 100000; i++)
		sfab_fibre_ring(a.end);
	check_link(true);
	end_both();
}

static int no_descriptors_left(void **state)
{
	(void)state;
	/* What a test left open would show in the next one's count. */
	return access("/proc/self/fd/16", F_OK) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_unix, no_descriptors_left),
		cmocka_unit_test_teardown(test_unix_mirrored, no_descriptors_left),
		cmocka_unit_test_teardown(test_tcp, no_descriptors_left),
		cmocka_unit_test_teardown(test_one_wants_a_mirror, no_descriptors_left),
		cmocka_unit_test_teardown(test_the_connector_may_come_first, no_descriptors_left),
		cmocka_unit_test_teardown(test_cut_and_mend, no_descriptors_left),
		cmocka_unit_test_teardown(test_an_end_that_closes_and_opens_again,
					  no_descriptors_left),
		cmocka_unit_test_teardown(test_one_end_here, no_descriptors_left),
		cmocka_unit_test_teardown(test_killed_peer, no_descriptors_left),
		cmocka_unit_test_teardown(test_killed_mirror_peer, no_descriptors_left),
		cmocka_unit_test_teardown(test_killed_listener, no_descriptors_left),
		cmocka_unit_test_teardown(test_crossed_fibres, no_descriptors_left),
		cmocka_unit_test_teardown(test_bad_addresses, no_descriptors_left),
		cmocka_unit_test_teardown(test_a_bell_that_nobody_hears, no_descriptors_left),
	};

	return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
