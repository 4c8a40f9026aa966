// SPDX-License-Identifier: MIT
/*
 * What the processes of a supernode tell each other
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sfab/sfab.h>

#include "share.h"

void die(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void check(int ret, const char *call)
{
	if (ret < 0)
		die("%s: %s", call, sfab_last_error());
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void share_rest(void)
{
	const struct timespec ts = { .tv_nsec = 20000000 };

	nanosleep(&ts, NULL);
}

static const char *path_of(const struct share *share, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", share->dir, name);
	return path;
}

void share_put(const struct share *share, const char *name, const void *data, size_t size)
{
	char path[512], temporary[544];
	FILE *file;

	path_of(share, name, path, sizeof(path));
	snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, (int)getpid());
	file = fopen(temporary, "we");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) || rename(temporary, path))
		die("cannot write %s: %s", path, strerror(errno));
}

static bool try_get(const char *path, void *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
	got = read(fd, data, size);
	close(fd);
	return got == (ssize_t)size;
}

void share_get(const struct share *share, const char *name, void *data, size_t size)
{
	uint64_t end = now_ns() + SHARE_SECONDS * 1000000000ull;
	char path[512];

	path_of(share, name, path, sizeof(path));
	while (!try_get(path, data, size)) {
		if (now_ns() > end)
			die("%s is not there after %d s: is the process of its node running?", path,
			    SHARE_SECONDS);
		share_rest();
	}
}

bool share_has(const struct share *share, const char *name)
{
	char path[512];

	return access(path_of(share, name, path, sizeof(path)), F_OK) == 0;
}

void share_meet(const struct share *share, const char *where)
{
	unsigned int node;
	char name[128], one;

	snprintf(name, sizeof(name), "%s.%u", where, share->node);
	share_put(share, name, "1", 1);
	for (node = 0; node < share->nodes; node++) {
		snprintf(name, sizeof(name), "%s.%u", where, node);
		share_get(share, name, &one, 1);
	}
}

const char *work_at_home(struct sfab_device *device)
{
	const uint64_t size = 1 << 20;
	struct sfab_queue *queue;
	struct sfab_fence *fence;
	struct sfab_mem *mem;
	int ret;

	must(sfab_queue_create(device, 0, &queue));
	must(sfab_mem_alloc(device, SFAB_MEM_HBM, size, 0, &mem));
	must(sfab_copy(queue, mem, 0, mem, size / 2, size / 2, &fence));
	ret = sfab_fence_wait(fence, 60000000000ll);
	sfab_fence_free(fence);
	sfab_queue_destroy(queue);
	must(sfab_mem_free(mem));
	return ret ? "broken" : "fine";
}

uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}
