// SPDX-License-Identifier: MIT
/*
 * A peer that does not keep to the protocol: the test speaks for it, byte by byte. It can
 * have no light, and no more than that.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "owner.h"
#include "talk.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define LISTENER ((struct sfab_fibre_config){ .name = "f", .path = path, .server = true })

/* The one that is spoken. */
#define VERSION	2

static struct owner a;
static struct owner *only[] = { &a };
static const char *path;
static int listener = -1, peer = -1;

/* ---- the peer ---- */

static void put_file(const void *data, size_t size, const int *files, unsigned int n)
{
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (n) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), files, n * sizeof(int));
	}
	assert_int_equal(sendmsg(peer, &msg, MSG_NOSIGNAL), size);
}

static size_t message(uint8_t *to, uint16_t version, uint16_t type, const void *body,
		      uint32_t length)
{
	memcpy(to, "SFBL", 4);
	memcpy(to + 4, &version, 2);
	memcpy(to + 6, &type, 2);
	memcpy(to + 8, &length, 4);
	memset(to + 12, 0, 4);
	memcpy(to + 16, body, length);
	return 16 + length;
}

static void put(uint16_t version, uint16_t type, const void *body, uint32_t length)
{
	uint8_t bytes[512];

	put_file(bytes, message(bytes, version, type, body, length), NULL, 0);
}

static void put_hello(uint32_t flags)
{
	uint8_t body[9] = { flags, 0, 0, 0, 0, 0, 0, 0, 'f' };

	put(VERSION, TALK_HELLO, body, sizeof(body));
}

static void put_memory(uint64_t size, const int *files, unsigned int n)
{
	uint8_t bytes[64];

	put_file(bytes, message(bytes, VERSION, TALK_MEMORY, &size, 8), files, n);
}

/* What comes next from the end under test: its type, its body as a string. */
static int get(char *body, size_t size)
{
	struct timeval patience = { 2, 0 };
	uint8_t header[16];
	uint32_t length;
	uint16_t type;

	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (recv(peer, header, 16, MSG_WAITALL) != 16)
		return 0;
	memcpy(&type, header + 6, 2);
	memcpy(&length, header + 8, 4);
	assert_true(length < size);
	assert_int_equal(recv(peer, body, length, MSG_WAITALL), length);
	body[length] = 0;
	return type;
}

/* ---- the end under test, and how the peer gets to it ---- */

static void as_listener(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	path = socket_path();
	strcpy(un.sun_path, path);
	owner_open(&a, lay(LISTENER));
	peer = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&un, sizeof(un)), 0);
	serve(only, 1, never, 20);
}

static void as_connector(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	path = socket_path();
	strcpy(un.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(listener, 1), 0);
	owner_open(&a, lay((struct sfab_fibre_config){ .name = "f", .path = path }));
	serve(only, 1, never, 20);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
}

static void finish(void)
{
	close(peer);
	if (listener >= 0)
		close(listener);
	listener = -1;
	owner_end(&a);
	remove_socket_path();
}

/* It has told its owner @text, and the peer too if @tells; there was no light. */
static void check_refused(const char *text, bool tells)
{
	char body[512] = "";

	assert_true(serve(only, 1, first_reported, 1000));
	if (!strstr(a.report, text))
		fail_msg("'%s' does not say '%s'", a.report, text);
	assert_int_equal(a.attached, 0);
	assert_int_equal(get(body, sizeof(body)), TALK_HELLO);
	if (tells) {
		assert_int_equal(get(body, sizeof(body)), TALK_REFUSE);
		if (!strstr(body, text))
			fail_msg("'%s' does not say '%s'", body, text);
	}
	assert_int_equal(get(body, sizeof(body)), 0);	/* closed */
	finish();
}

static int file(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, size), 0);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* The file that the end under test is given instead of a good one. */
static void check_file(int fd, uint64_t told, const char *text)
{
	as_connector();
	put_hello(1);
	put_memory(told, &fd, 1);
	close(fd);
	check_refused(text, true);
}

static void test_unsealed_file(void **state)
{
	(void)state;
	check_file(file(FIBRE_SIZE, 0), FIBRE_SIZE, "not sealed");
	check_file(file(FIBRE_SIZE, F_SEAL_SHRINK), FIBRE_SIZE, "not sealed");
	check_file(file(FIBRE_SIZE, F_SEAL_GROW | F_SEAL_SEAL), FIBRE_SIZE, "not sealed");
	check_file(file(FIBRE_SIZE, F_SEAL_SHRINK | F_SEAL_GROW), FIBRE_SIZE, "not sealed");
}

static void test_wrong_size(void **state)
{
	(void)state;
	check_file(file(FIBRE_SIZE - 4096, SEALS), FIBRE_SIZE, "wrong size");
	check_file(file(FIBRE_SIZE + 1, SEALS), FIBRE_SIZE, "wrong size");
	check_file(file(0, SEALS), FIBRE_SIZE, "wrong size");
	check_file(file(FIBRE_SIZE, SEALS), FIBRE_SIZE + 4096, "wrong size");
}

static void test_no_memfd(void **state)
{
	(void)state;
	check_file(open("/dev/zero", O_RDWR), FIBRE_SIZE, "not sealed");
	check_file(open("/proc/self/exe", O_RDONLY), FIBRE_SIZE, "not sealed");
	check_file(file(FIBRE_SIZE, SEALS | F_SEAL_WRITE), FIBRE_SIZE, "cannot be mapped");
}

static void test_no_file(void **state)
{
	(void)state;
	as_connector();
	put_hello(1);
	put_memory(FIBRE_SIZE, NULL, 0);
	check_refused("no file came", true);
}

static void test_too_many_files(void **state)
{
	int fd[2] = { file(FIBRE_SIZE, SEALS), file(FIBRE_SIZE, SEALS) };
	int many[8] = { 0, 1, 2, 0, 1, 2, 0, 1 };

	(void)state;
	as_connector();
	put_hello(1);
	put_memory(FIBRE_SIZE, fd, 2);
	check_refused("files came", false);

	as_connector();
	put_hello(1);
	put_memory(FIBRE_SIZE, many, 8);
	check_refused("files came", false);
	close(fd[0]);
	close(fd[1]);
}

/* A good file gives light; what comes after it are doorbells, not files. */
static void test_good_file(void **state)
{
	int fd = file(FIBRE_SIZE, SEALS);
	uint8_t bell = 0;

	(void)state;
	as_connector();
	put_hello(1);
	put_memory(FIBRE_SIZE, &fd, 1);
	serve(only, 1, never, 20);
	assert_non_null(a.memory);
	a.rung = 0;
	put_file(&bell, 1, NULL, 0);
	serve(only, 1, never, 20);
	assert_int_equal(a.rung, 1);
	put_file(&bell, 1, &fd, 1);
	assert_true(serve(only, 1, first_dark, 1000));
	assert_string_equal(a.report, "files came that were not asked for");
	close(fd);
	finish();
}

static void test_wrong_version(void **state)
{
	(void)state;
	as_listener();
	put(VERSION + 1, TALK_HELLO, "", 0);
	check_refused("version 3 is not spoken here, only 2", true);
	as_connector();
	put(0, TALK_HELLO, "", 0);
	check_refused("version 0 is not spoken here, only 2", true);
}

static void test_garbage(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

	(void)state;
	as_listener();
	put_file(text, sizeof(text), NULL, 0);
	check_refused("does not speak the fibre protocol", false);
}

static void check_unexpected(uint16_t type, uint32_t length, bool after_hello)
{
	uint8_t body[512] = { 0 };
	char text[64];

	as_listener();
	if (after_hello)
		put_hello(0);
	put(VERSION, type, body, length);
	snprintf(text, sizeof(text), "message of type %u and length %u is not expected", type,
		 length);
	assert_true(serve(only, 1, first_reported, 1000));
	assert_string_equal(a.report, text);
	assert_int_equal(a.attached, 0);
	finish();
}

static void test_messages_out_of_place(void **state)
{
	(void)state;
	check_unexpected(0, 0, false);
	check_unexpected(TALK_MEMORY, 8, false);
	check_unexpected(TALK_MIRROR, 0, false);
	check_unexpected(TALK_BYTES, 16, false);
	check_unexpected(TALK_WORDS, 24, false);
	check_unexpected(TALK_HELLO, 7, false);
	check_unexpected(TALK_HELLO, 8 + 65, false);
	check_unexpected(TALK_REFUSE, 257, false);
	check_unexpected(TALK_HELLO, 9, true);
	check_unexpected(TALK_MIRROR, 1, true);
	check_unexpected(TALK_BYTES, 16, true);
	check_unexpected(99, 0, true);
}

static void test_reserved_header(void **state)
{
	uint8_t bytes[64];
	size_t size = message(bytes, VERSION, TALK_REFUSE, "", 0);

	(void)state;
	as_listener();
	bytes[12] = 1;
	put_file(bytes, size, NULL, 0);
	check_refused("not expected", true);
}

static void test_huge_length(void **state)
{
	uint8_t bytes[64];
	uint32_t huge = 0xfffffff0;

	(void)state;
	as_listener();
	message(bytes, VERSION, TALK_HELLO, "", 0);
	memcpy(bytes + 8, &huge, 4);
	put_file(bytes, 16, NULL, 0);
	check_refused("not expected", true);
}

/* What the peer says is shown to people: no control characters. */
static void test_refusal_is_made_printable(void **state)
{
	(void)state;
	as_listener();
	put(VERSION, TALK_REFUSE, "no\033[2J\n\xff", 8);
	assert_true(serve(only, 1, first_reported, 1000));
	assert_string_equal(a.report, "the other end refuses: no?[2J??");
	finish();
}

static void test_messages_in_pieces(void **state)
{
	uint8_t body[9] = { 0, 0, 0, 0, 0, 0, 0, 0, 'f' }, bytes[64];
	size_t size, i;

	(void)state;
	as_listener();
	size = message(bytes, VERSION, TALK_HELLO, body, sizeof(body));
	size += message(bytes + size, VERSION, TALK_MIRROR, "", 0);
	for (i = 0; i < size; i++) {
		assert_null(a.memory);
		put_file(bytes + i, 1, NULL, 0);
		serve(only, 1, never, 2);
	}
	assert_non_null(a.memory);
	finish();
}

static void test_half_a_message_and_gone(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		as_listener();
		put_hello(0);
		if (i)
			put_file("SFBL", 4, NULL, 0);
		shutdown(peer, SHUT_WR);
		serve(only, 1, never, 50);
		assert_int_equal(a.attached, 0);
		finish();
	}
}

static int64_t seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Who says nothing holds the fibre for 5 s, then the next one has his turn. */
static void test_silence(void **state)
{
	int64_t start = seconds();
	struct owner b;
	struct owner *both[] = { &a, &b };

	(void)state;
	as_listener();
	put_file("SFBL", 4, NULL, 0);
	owner_open(&b, lay((struct sfab_fibre_config){ .name = "f", .path = path }));
	assert_true(serve(both, 2, all_light, 9000));
	assert_in_range(seconds() - start, 4, 8);
	assert_string_equal(a.report, "the other end has said nothing for 5 s");
	owner_end(&b);
	finish();
}

/* Nothing is read for long, much is sent: the end under test neither blocks nor dies. */
static void test_mirror_that_nobody_reads(void **state)
{
	unsigned int i;

	(void)state;
	as_listener();
	put_hello(0);
	put(VERSION, TALK_MIRROR, "", 0);
	serve(only, 1, never, 20);
	assert_non_null(a.memory);
	for (i = 1; i <= 400; i++) {
		*(uint64_t *)(a.memory + RING_WORDS(0)) = i * 65536ull;
		sfab_fibre_ring(a.end);
		serve(only, 1, never, 0);
	}
	assert_non_null(a.memory);
	finish();
}

static void check_mirror_breach(uint16_t type, const void *body, uint32_t length)
{
	as_listener();
	put_hello(0);
	put(VERSION, TALK_MIRROR, "", 0);
	serve(only, 1, never, 20);
	assert_non_null(a.memory);
	put(VERSION, type, body, length);
	assert_true(serve(only, 1, first_dark, 1000));
	assert_int_equal(a.reports, 1);
	finish();
}

static void test_mirror_out_of_range(void **state)
{
	uint32_t bytes[4] = { HALF_SIZE - 4, 8 }, words[6] = { 1, 0, 0x08 };

	(void)state;
	check_mirror_breach(TALK_BYTES, bytes, 16);
	check_mirror_breach(TALK_WORDS, words, 24);	/* that page is the listener's own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsealed_file),
		cmocka_unit_test(test_wrong_size),
		cmocka_unit_test(test_no_memfd),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_too_many_files),
		cmocka_unit_test(test_good_file),
		cmocka_unit_test(test_wrong_version),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_messages_out_of_place),
		cmocka_unit_test(test_reserved_header),
		cmocka_unit_test(test_huge_length),
		cmocka_unit_test(test_refusal_is_made_printable),
		cmocka_unit_test(test_messages_in_pieces),
		cmocka_unit_test(test_half_a_message_and_gone),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_mirror_that_nobody_reads),
		cmocka_unit_test(test_mirror_out_of_range),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
