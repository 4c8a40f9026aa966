// SPDX-License-Identifier: MIT
/*
 * What the driver tests share, see sfab_test.h.
 */
#define _GNU_SOURCE
#include "sfab_test.h"

#include <dirent.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <time.h>

#define DRIVER_DIR	"/sys/bus/pci/drivers/sfab"
#define DEBUGFS		"/sys/kernel/debug/accel"
#define JOB_TIMEOUT	"/sys/module/sfab/parameters/job_timeout_ms"

/* ---- devices ---- */

static int minor_of(const char *pci)
{
	char path[512];
	struct dirent *entry;
	int minor = -1;
	DIR *dir;

	snprintf(path, sizeof(path), DRIVER_DIR "/%s/accel", pci);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "accel%d", &minor) == 1)
			break;
	closedir(dir);
	return minor;
}

static int compare_pci(const void *a, const void *b)
{
	return strcmp(((const struct accel *)a)->pci, ((const struct accel *)b)->pci);
}

unsigned int accel_list(struct accel list[MAX_ACCELS])
{
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir;

	dir = opendir(DRIVER_DIR);
	if (!dir)
		return 0;
	while (count < MAX_ACCELS && (entry = readdir(dir))) {
		if (!strchr(entry->d_name, ':'))
			continue;
		snprintf(list[count].pci, sizeof(list[count].pci), "%.23s", entry->d_name);
		list[count].minor = minor_of(entry->d_name);
		if (list[count].minor >= 0)
			count++;
	}
	closedir(dir);
	qsort(list, count, sizeof(*list), compare_pci);
	return count;
}

unsigned int accel_count(void)
{
	struct accel list[MAX_ACCELS];

	return accel_list(list);
}

int accel_open(unsigned int index)
{
	struct accel list[MAX_ACCELS];
	char path[64];
	int fd;

	if (index >= accel_list(list))
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/accel/accel%d", list[index].minor);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int accel_find(bool p2p, unsigned int index)
{
	unsigned int i, count = accel_count();

	for (i = 0; i < count; i++) {
		struct sfab_query_device device = { };
		int fd = accel_open(i);

		if (fd < 0)
			return fd;
		query_device(fd, &device);
		close(fd);
		if (!!(device.caps & SFAB_CAP_PEER) == p2p && !index--)
			return i;
	}
	return -ENODEV;
}

int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	text[n] = 0;
	return 0;
}

int read_line(char *line, size_t size, const char *format, ...)
{
	char path[512];
	va_list args;
	int ret;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	ret = read_text(path, line, size);
	if (!ret)
		line[strcspn(line, "\n")] = 0;
	return ret;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* ---- time ---- */

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t deadline(unsigned int ms)
{
	return now_ns() + ms * 1000000LL;
}

void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

unsigned int job_timeout_set(unsigned int ms)
{
	char text[16] = "";

	read_line(text, sizeof(text), JOB_TIMEOUT);
	if (ms) {
		char new[16];

		snprintf(new, sizeof(new), "%u", ms);
		write_text(JOB_TIMEOUT, new);
	}
	return atoi(text);
}

/* ---- ioctls ---- */

int do_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

int query(int fd, uint32_t what, void *data, uint32_t size)
{
	struct sfab_query arg = {
		.query = what,
		.data = (uintptr_t)data,
		.count = 1,
		.stride = size,
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_QUERY, &arg);
}

int query_device(int fd, struct sfab_query_device *device)
{
	return query(fd, SFAB_QUERY_DEVICE, device, sizeof(*device));
}

int query_limits(int fd, struct sfab_query_limits *limits)
{
	return query(fd, SFAB_QUERY_LIMITS, limits, sizeof(*limits));
}

int query_counters(int fd, struct sfab_query_counters *counters)
{
	return query(fd, SFAB_QUERY_COUNTERS, counters, sizeof(*counters));
}

bool has_fabric(int fd)
{
	struct sfab_query_device device;

	return !query_device(fd, &device) && device.caps & SFAB_CAP_FABRIC;
}

static int region_find(int fd, enum sfab_region_id id, struct sfab_query_region *region)
{
	struct sfab_query_region regions[8] = { };
	struct sfab_query arg = {
		.query = SFAB_QUERY_REGIONS,
		.data = (uintptr_t)regions,
		.count = sizeof(regions) / sizeof(*regions),
		.stride = sizeof(*regions),
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUERY, &arg);
	unsigned int i;

	if (ret)
		return ret;
	for (i = 0; i < arg.count && i < sizeof(regions) / sizeof(*regions); i++) {
		if (regions[i].id == id) {
			*region = regions[i];
			return 0;
		}
	}
	return -ENOENT;
}

uint64_t region_used(int fd, enum sfab_region_id id)
{
	struct sfab_query_region region;

	return region_find(fd, id, &region) ? ~0ULL : region.used;
}

uint64_t region_size(int fd, enum sfab_region_id id)
{
	struct sfab_query_region region;

	return region_find(fd, id, &region) ? ~0ULL : region.size;
}

int bo_create(int fd, uint64_t size, uint32_t region, uint32_t *handle)
{
	struct sfab_bo_create arg = { .size = size, .region = region };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_BO_CREATE, &arg);

	if (!ret)
		*handle = arg.handle;
	return ret;
}

int bo_query(int fd, uint32_t handle, struct sfab_bo_query *answer)
{
	*answer = (struct sfab_bo_query){ .handle = handle };
	return do_ioctl(fd, DRM_IOCTL_SFAB_BO_QUERY, answer);
}

int bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return do_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

void *bo_map(int fd, uint32_t handle, uint64_t size)
{
	struct sfab_bo_mmap arg = { .handle = handle };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_BO_MMAP, &arg);

	if (ret) {
		errno = -ret;
		return MAP_FAILED;
	}
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, arg.offset);
}

int mem_register(int fd, const void *addr, uint64_t size, uint32_t rights, uint32_t *handle)
{
	struct sfab_mem_register arg = {
		.addr = (uintptr_t)addr,
		.size = size,
		.rights = rights,
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_MEM_REGISTER, &arg);

	if (!ret)
		*handle = arg.handle;
	return ret;
}

int prime_export(int fd, uint32_t handle)
{
	struct drm_prime_handle arg = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = do_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	return ret ? ret : arg.fd;
}

int prime_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int ret = do_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	if (!ret)
		*handle = arg.handle;
	return ret;
}

int vm_create(int fd, uint32_t flags, uint32_t *vm)
{
	struct sfab_vm_create arg = { .flags = flags };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_VM_CREATE, &arg);

	if (!ret)
		*vm = arg.vm_id;
	return ret;
}

int vm_destroy(int fd, uint32_t vm)
{
	struct sfab_vm_destroy arg = { .vm_id = vm };

	return do_ioctl(fd, DRM_IOCTL_SFAB_VM_DESTROY, &arg);
}

int vm_bind(int fd, uint32_t vm, const struct sfab_bind_op *ops, uint32_t op_count,
	    const struct sfab_sync *syncs, uint32_t sync_count)
{
	struct sfab_vm_bind arg = {
		.vm_id = vm,
		.ops = (uintptr_t)ops,
		.op_count = op_count,
		.op_stride = sizeof(*ops),
		.syncs = (uintptr_t)syncs,
		.sync_count = sync_count,
		.sync_stride = sizeof(*syncs),
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_VM_BIND, &arg);
}

struct sfab_bind_op op_map(uint64_t va, uint32_t handle, uint64_t bo_offset, uint64_t size,
			   uint32_t rights)
{
	return (struct sfab_bind_op){
		.op = SFAB_BIND_MAP,
		.rights = rights,
		.handle = handle,
		.bo_offset = bo_offset,
		.va = va,
		.size = size,
	};
}

struct sfab_bind_op op_unmap(uint64_t va, uint64_t size)
{
	return (struct sfab_bind_op){ .op = SFAB_BIND_UNMAP, .va = va, .size = size };
}

int vm_map(int fd, uint32_t vm, uint64_t va, uint32_t handle, uint64_t bo_offset, uint64_t size,
	   uint32_t rights)
{
	struct sfab_bind_op op = op_map(va, handle, bo_offset, size, rights);

	return vm_bind(fd, vm, &op, 1, NULL, 0);
}

int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size)
{
	struct sfab_bind_op op = op_unmap(va, size);

	return vm_bind(fd, vm, &op, 1, NULL, 0);
}

int queue_create(int fd, uint32_t vm, uint32_t *queue)
{
	struct sfab_queue_create arg = { .vm_id = vm };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUEUE_CREATE, &arg);

	if (!ret)
		*queue = arg.queue_id;
	return ret;
}

int queue_destroy(int fd, uint32_t queue)
{
	struct sfab_queue_destroy arg = { .queue_id = queue };

	return do_ioctl(fd, DRM_IOCTL_SFAB_QUEUE_DESTROY, &arg);
}

int queue_query(int fd, uint32_t queue, struct sfab_queue_query *answer)
{
	*answer = (struct sfab_queue_query){ .queue_id = queue };
	return do_ioctl(fd, DRM_IOCTL_SFAB_QUEUE_QUERY, answer);
}

int queue_submit(int fd, uint32_t queue, const struct sfab_command *cmds, uint32_t cmd_count,
		 const struct sfab_sync *syncs, uint32_t sync_count, uint64_t *seqno)
{
	struct sfab_queue_submit arg = {
		.queue_id = queue,
		.commands = (uintptr_t)cmds,
		.command_count = cmd_count,
		.command_stride = sizeof(*cmds),
		.syncs = (uintptr_t)syncs,
		.sync_count = sync_count,
		.sync_stride = sizeof(*syncs),
	};
	int ret;

	/* HBM is mapped write-combined: flush what the CPU has written there */
	__sync_synchronize();
	ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUEUE_SUBMIT, &arg);
	if (!ret && seqno)
		*seqno = arg.seqno;
	return ret;
}

int queue_wait(int fd, uint32_t queue, uint64_t seqno, unsigned int timeout_ms)
{
	struct sfab_wait arg = {
		.queue_id = queue,
		.seqno = seqno,
		.timeout_ns = timeout_ms ? deadline(timeout_ms) : 0,
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_WAIT, &arg);
}

void *queue_wait_thread(void *arg)
{
	struct queue_waiter *waiter = arg;

	waiter->result = queue_wait(waiter->fd, waiter->queue, waiter->seqno, WAIT_MS);
	return NULL;
}

int queue_run(int fd, uint32_t queue, const struct sfab_command *cmds, uint32_t cmd_count)
{
	uint64_t seqno;
	int ret = queue_submit(fd, queue, cmds, cmd_count, NULL, 0, &seqno);

	return ret ? ret : queue_wait(fd, queue, seqno, WAIT_MS);
}

int run_into_fault(int fd, uint32_t vm, struct sfab_command cmd, struct sfab_fault *fault)
{
	struct sfab_queue_query state;
	uint32_t queue;
	int ret, ret2;

	ret = queue_create(fd, vm, &queue);
	if (ret)
		return ret;
	ret = queue_run(fd, queue, &cmd, 1);
	if (ret == -EIO) {
		ret = queue_query(fd, queue, &state);
		if (!ret && state.state != SFAB_QUEUE_FAULTED)
			ret = -EPROTO;
		*fault = state.fault;
	} else if (!ret) {
		ret = -ENODATA;
	}
	ret2 = queue_destroy(fd, queue);
	return ret ? ret : ret2;
}

/* ---- syncobjs ---- */

int syncobj_create(int fd, uint32_t *handle)
{
	struct drm_syncobj_create arg = { };
	int ret = do_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

	if (!ret)
		*handle = arg.handle;
	return ret;
}

int syncobj_destroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy arg = { .handle = handle };

	return do_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

int syncobj_signal(int fd, uint32_t handle, uint64_t point)
{
	struct drm_syncobj_timeline_array arg = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	return do_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &arg);
}

int syncobj_wait(int fd, uint32_t handle, uint64_t point, unsigned int timeout_ms)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = timeout_ms ? deadline(timeout_ms) : 0,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};

	return do_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
}

int syncobj_status(int fd, uint32_t handle)
{
	struct drm_syncobj_handle arg = {
		.handle = handle,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	struct sync_file_info info = { };
	int ret = do_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

	if (ret)
		return ret;
	ret = do_ioctl(arg.fd, SYNC_IOC_FILE_INFO, &info);
	close(arg.fd);
	return ret ? ret : info.status;
}

int syncobj_share(int fd, uint32_t handle, int other_fd, uint32_t *other_handle)
{
	struct drm_syncobj_handle arg = { .handle = handle };
	int ret = do_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);
	int file = arg.fd;

	if (ret)
		return ret;
	arg = (struct drm_syncobj_handle){ .fd = file };
	ret = do_ioctl(other_fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg);
	close(file);
	if (!ret)
		*other_handle = arg.handle;
	return ret;
}

/* ---- events ---- */

int event_read(int fd, struct sfab_event *event, unsigned int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&poll_fd, 1, timeout_ms) == 0)
		return -ETIME;
	n = read(fd, event, sizeof(*event));
	if (n < 0)
		return -errno;
	return n == sizeof(*event) ? 0 : -EPROTO;
}

/* ---- memory ---- */

int buffer_create(int fd, uint32_t vm, uint32_t region, uint64_t size, uint64_t va,
		  uint32_t rights, struct buffer *buffer)
{
	int ret;

	*buffer = (struct buffer){ .size = size, .va = va };
	if (region == SFAB_REGION_REGISTERED) {
		buffer->cpu = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffer->cpu == MAP_FAILED)
			return -errno;
		ret = mem_register(fd, buffer->cpu, size, rights, &buffer->handle);
		if (ret)
			return ret;
	} else {
		ret = bo_create(fd, size, region, &buffer->handle);
		if (ret)
			return ret;
		buffer->cpu = bo_map(fd, buffer->handle, size);
		if (buffer->cpu == MAP_FAILED)
			return -errno;
	}
	return vm_map(fd, vm, va, buffer->handle, 0, size, rights);
}

void pattern_fill(void *memory, size_t size, uint64_t seed)
{
	uint64_t *word = memory;
	size_t i;

	for (i = 0; i < size / 8; i++)
		word[i] = (seed << 40 | i) * 0x9e3779b97f4a7c15ULL;
}

bool pattern_check(const void *memory, size_t size, uint64_t seed)
{
	const uint64_t *word = memory;
	size_t i;

	for (i = 0; i < size / 8; i++)
		if (word[i] != (seed << 40 | i) * 0x9e3779b97f4a7c15ULL)
			return false;
	return true;
}

bool all_bytes(const void *memory, size_t size, uint8_t byte)
{
	const uint8_t *p = memory;

	return !size || (p[0] == byte && !memcmp(p, p + 1, size - 1));
}

void *unmapped_address(void)
{
	void *p = mmap(NULL, SZ_1M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Reserved rather than free: nobody maps anything else there meanwhile */
	return p == MAP_FAILED ? NULL : p;
}

void *at_page_end(size_t size)
{
	size_t pages = (size + SZ_4K - 1) & ~(SZ_4K - 1);
	uint8_t *p = mmap(NULL, pages + SZ_4K, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	mprotect(p + pages, SZ_4K, PROT_NONE);
	return p + pages - size;
}

uint64_t random64(uint64_t *state)
{
	/* xorshift64* (Vigna 2016): the runs are the same every time */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

int64_t slow_map(int fd, uint32_t vm)
{
	enum { COUNT = 256 };
	const uint64_t size = 2 * SZ_2M;
	struct sfab_bind_op ops[COUNT];
	uint32_t handle, i;
	int ret;

	ret = bo_create(fd, size, SFAB_REGION_HBM, &handle);
	if (ret)
		return ret;
	for (i = 0; i < COUNT; i++)
		ops[i] = op_map(SLOW_VA + i * size, handle, 0, size, RIGHT_RW);
	ret = vm_bind(fd, vm, ops, COUNT, NULL, 0);
	bo_close(fd, handle);
	return ret ? ret : (int64_t)(COUNT * size);
}

/* ---- what must be as before ---- */

int counts_read(unsigned int index, char *text, size_t size)
{
	struct accel list[MAX_ACCELS];
	char path[128];

	if (index >= accel_list(list))
		return -ENODEV;
	snprintf(path, sizeof(path), DEBUGFS "/%s/counts", list[index].pci);
	return read_text(path, text, size);
}

int usage_get(int fd, unsigned int index, struct usage *usage)
{
	unsigned int i;

	memset(usage, 0, sizeof(*usage));
	for (i = 0; i < 3; i++) {
		usage->used[i] = region_used(fd, i);
		if (usage->used[i] == ~0ULL)
			return -EPROTO;
	}
	return counts_read(index, usage->counts, sizeof(usage->counts));
}

static void usage_print(const char *when, const struct usage *usage)
{
	fprintf(stderr, "# %s: HBM %#llx, system %#llx, registered %#llx\n# %s counts:\n%s\n", when,
		(unsigned long long)usage->used[0], (unsigned long long)usage->used[1],
		(unsigned long long)usage->used[2], when, usage->counts);
}

bool usage_same(const struct usage *a, const struct usage *b)
{
	if (!memcmp(a->used, b->used, sizeof(a->used)) && !strcmp(a->counts, b->counts))
		return true;
	usage_print("before", a);
	usage_print("after", b);
	return false;
}

int usage_wait(int fd, unsigned int index, const struct usage *usage, unsigned int timeout_ms)
{
	int64_t end = deadline(timeout_ms);
	struct usage now;

	for (;;) {
		int ret = usage_get(fd, index, &now);

		if (ret)
			return ret;
		if (!memcmp(now.used, usage->used, sizeof(now.used)) &&
		    !strcmp(now.counts, usage->counts))
			return 0;
		if (now_ns() > end) {
			usage_same(usage, &now);
			return -ETIME;
		}
		sleep_ms(10);
	}
}
