// SPDX-License-Identifier: MIT
/*
 * The fake kernel: what tests ask of it, device files, and libc's functions in
 * front of it
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

pthread_mutex_t kernel_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t kernel_changed = PTHREAD_COND_INITIALIZER;
struct device devices[FAKE_MAX_DEVICES];
struct descriptor descriptors[MAX_FDS];
unsigned int live[L_KINDS];
bool held, peer_lies, refuse_foreign, long_events;
bool peers[FAKE_MAX_DEVICES][FAKE_MAX_DEVICES];
unsigned int max_queues, room;
const char *driver_name;
uint64_t pinned;
struct fake_work work;

static unsigned int fail_call, fail_alloc;
static int fail_err;
static pid_t kernel_pid;
static bool call_failed, alloc_failed, long_tables;

#define LOCKED(statement) do {				\
	pthread_mutex_lock(&kernel_lock);		\
	statement;					\
	pthread_cond_broadcast(&kernel_changed);	\
	pthread_mutex_unlock(&kernel_lock);		\
} while (0)

/* ---- control ---- */

static void start(unsigned int count)
{
	unsigned int i, k;

	for (i = 0; i < FAKE_MAX_DEVICES; i++) {
		unsigned int life = devices[i].life;

		memset(&devices[i], 0, sizeof(devices[i]));
		devices[i].index = i;
		devices[i].present = i < count;
		devices[i].life = life;
		devices[i].caps = SFAB_CAP_PEER | SFAB_CAP_REDUCE | SFAB_CAP_ATOMIC |
				  SFAB_CAP_COPY_2D;
		for (k = 0; k < FAKE_MAX_DEVICES; k++)
			peers[i][k] = true;
	}
	segments_start();
	links_start(count);
	held = false;
	peer_lies = false;
	refuse_foreign = false;
	long_events = false;
	long_tables = false;
	max_queues = 16;
	room = 1000;
	driver_name = "sfab";
	memset(&work, 0, sizeof(work));
	fail_call = 0;
	call_failed = false;
	fail_alloc = 0;
	alloc_failed = false;
}

void fake_start(unsigned int count)
{
	kernel_pid = getpid();
	LOCKED(start(count));
	fake_monitor(true);
}

unsigned int fake_leaks(void)
{
	unsigned int i, sum = 0;

	pthread_mutex_lock(&kernel_lock);
	for (i = 0; i < L_KINDS; i++)
		sum += live[i];
	pthread_mutex_unlock(&kernel_lock);
	return sum;
}

void fake_print_leaks(void)
{
	static const char *const names[] = {
		"files", "BOs", "VMs", "queues", "jobs", "fences", "syncobjs", "descriptors",
		"segments",
	};
	unsigned int i;

	for (i = 0; i < L_KINDS; i++)
		fprintf(stderr, "%s: %u\n", names[i], live[i]);
}

static void lose_queues(struct device *dev, bool event)
{
	unsigned int fd, id;

	for (fd = 0; fd < MAX_FDS; fd++) {
		struct file *file = descriptors[fd].object;

		if (descriptors[fd].kind != FD_FILE || file->dev != dev)
			continue;
		for (id = 1; id < MAX_IDS; id++) {
			if (file->queues[id])
				queue_lose(file->queues[id], SFAB_QUEUE_LOST);
		}
		if (event)
			event_send_fault(file, SFAB_EVENT_DEVICE_RESET, 0, NULL);
	}
}

void device_leave(struct device *dev)
{
	LOCKED(dev->present = false; dev->life++; lose_queues(dev, false));
}

static void reset(struct device *dev)
{
	dev->counters.device_resets++;
	segments_reset(dev);
	lose_queues(dev, true);
}

static void no_peers(void)
{
	memset(peers, 0, sizeof(peers));
}

void fake_deny(unsigned int device, int err) { LOCKED(devices[device].deny = err); }
void fake_driver_name(const char *name) { LOCKED(driver_name = name); }
void fake_caps(unsigned int device, uint64_t caps) { LOCKED(devices[device].caps = caps); }

void fake_on_loss(uint32_t *on_loss, uint32_t *limit_ms)
{
	LOCKED(*on_loss = newest_on_loss; *limit_ms = newest_limit_ms);
}

void fake_peer(unsigned int from, unsigned int to, bool ok) { LOCKED(peers[from][to] = ok); }
void fake_no_peers(void) { LOCKED(no_peers()); }
void fake_peer_lies(bool lies) { LOCKED(peer_lies = lies); }
void fake_long_events(bool on) { LOCKED(long_events = on); }
void fake_long_tables(bool on) { LOCKED(long_tables = on); }
void fake_max_queues(unsigned int count) { LOCKED(max_queues = count); }
void fake_refuse_foreign(bool on) { LOCKED(refuse_foreign = on); }
void fake_hold(bool on) { LOCKED(held = on); }
void fake_fault(unsigned int device, uint32_t cause) { LOCKED(devices[device].fault_next = cause); }
void fake_timeout(unsigned int device) { LOCKED(devices[device].timeout_next = true); }
void fake_reset(unsigned int device) { LOCKED(reset(&devices[device])); }

void fake_counted(unsigned int device, uint64_t timeouts, uint64_t failures)
{
	struct sfab_query_counters *counters = &devices[device].counters;

	LOCKED(counters->job_timeouts += timeouts; counters->fabric_failures += failures);
}

void fake_eid(unsigned int device, uint32_t eid) { LOCKED(devices[device].eid = eid); }
void fake_dark(unsigned int device, bool dark) { LOCKED(devices[device].dark = dark); }
void fake_room(unsigned int submissions) { LOCKED(room = submissions); }

uint64_t fake_pinned(void)
{
	uint64_t bytes;

	LOCKED(bytes = pinned);
	return bytes;
}

struct fake_work fake_work(void)
{
	struct fake_work copy;

	LOCKED(copy = work);
	return copy;
}

void fake_fail_call(unsigned int nth, int err)
{
	LOCKED(fail_call = nth; fail_err = err; call_failed &= !nth);
}

void fake_fail_alloc(unsigned int nth)
{
	LOCKED(fail_alloc = nth; alloc_failed &= !nth);
}

bool fake_call_failed(void)
{
	bool failed;

	LOCKED(failed = call_failed);
	return failed;
}

bool fake_alloc_failed(void)
{
	bool failed;

	LOCKED(failed = alloc_failed);
	return failed;
}

unsigned int fake_open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The lock is held */
static bool shall_fail(void)
{
	if (!fail_call || --fail_call)
		return false;
	call_failed = true;
	return true;
}

static bool shall_fail_alloc(void)
{
	bool fails;

	LOCKED(fails = fail_alloc && !--fail_alloc; alloc_failed |= fails);
	return fails;
}

void *fake_malloc(size_t size)
{
	return shall_fail_alloc() ? NULL : malloc(size);
}

void *fake_calloc(size_t count, size_t size)
{
	return shall_fail_alloc() ? NULL : calloc(count, size);
}

void *fake_realloc(void *old, size_t size)
{
	return shall_fail_alloc() ? NULL : realloc(old, size);
}

/* ---- files ---- */

void fd_install(int fd, enum fd_kind kind, void *object)
{
	if (fd < 0 || fd >= MAX_FDS || descriptors[fd].kind != FD_NONE)
		abort();
	descriptors[fd] = (struct descriptor){ kind, object };
	live[L_FD]++;
}

static void file_free(struct file *file)
{
	uint32_t i;

	for (i = 1; i < MAX_IDS; i++) {
		if (file->queues[i])
			queue_free(file->queues[i]);
	}
	segments_of_file_end(file);
	for (i = 1; i < MAX_IDS; i++) {
		if (file->vms[i])
			vm_free(file, file->vms[i]);
		if (file->handles[i])
			bo_put(file->handles[i]);
		if (file->syncobjs[i])
			syncobj_put(file->syncobjs[i]);
	}
	free(file);
	live[L_FILE]--;
}

static void descriptor_free(int fd)
{
	struct descriptor d = descriptors[fd];

	descriptors[fd].kind = FD_NONE;
	live[L_FD]--;
	switch (d.kind) {
	case FD_FILE:
		file_free(d.object);
		break;
	case FD_DMABUF:
		bo_put(d.object);
		break;
	case FD_SYNCOBJ:
		syncobj_put(d.object);
		break;
	case FD_LINK:
		link_file_close(d.object);
		break;
	default:
		fence_put(d.object);
		break;
	}
}

static int file_open(struct device *dev)
{
	struct file *file;
	int fd;

	if (!dev->present || dev->deny) {
		errno = dev->present ? dev->deny : ENOENT;
		return -1;
	}
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (fd < 0)
		return -1;
	file = calloc(1, sizeof(*file));
	file->fd = fd;
	file->dev = dev;
	file->life = dev->life;
	fd_install(fd, FD_FILE, file);
	live[L_FILE]++;
	return fd;
}

/* ---- ioctls ---- */

/* As DRM does: the length in any case, the text if there is room */
static void version_text(char *to, __kernel_size_t *room_there, const char *text)
{
	size_t length = strlen(text);

	if (to && *room_there >= length)
		memcpy(to, text, length);
	*room_there = length;
}

static long version(struct drm_version *args)
{
	args->version_major = 1;
	args->version_minor = 2;
	args->version_patchlevel = 0;
	version_text(args->name, &args->name_len, driver_name);
	version_text(args->date, &args->date_len, "0");
	version_text(args->desc, &args->desc_len, "fake");
	return 0;
}

/* A table of QUERY */
struct table {
	uint32_t count, size;		/* elements, bytes of each */
	char elements[512];
};

static void put_table(struct table *table, const void *elements, uint32_t count, uint32_t size)
{
	table->count = count;
	table->size = size;
	memcpy(table->elements, elements, (size_t)count * size);
}

static void put_device(struct table *table, const struct device *dev)
{
	struct sfab_query_device answer = {
		.hw_version = 0x10000,
		.numa_node = -1,
		.serial = 1000 + dev->index,
		.uuid = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0x4d, 0xef,
			  0x80, 1, 2, 3, 4, 5, 6, dev->index },
		.caps = dev->caps,
	};

	put_table(table, &answer, 1, sizeof(answer));
}

static void fill_table(struct file *file, uint32_t id, struct table *table)
{
	struct device *dev = file->dev;
	struct sfab_query_engine engines[2] = {
		{ .id = 0, .commands = (1 << (SFAB_OP_TIMESTAMP + 1)) - 1 },
		{ .id = 1, .commands = 1 << SFAB_OP_NOP | 1 << SFAB_OP_COPY },
	};
	struct sfab_query_region regions[4] = {
		{ .id = SFAB_REGION_HBM, .size = FAKE_HBM_SIZE, .used = dev->hbm_used },
		{ .id = SFAB_REGION_SYSTEM, .used = dev->system_used },
		{ .id = SFAB_REGION_REGISTERED, .used = dev->registered },
		{ .id = 77, .used = 1 },	/* of a newer kernel */
	};
	struct sfab_query_port ports[2];
	struct sfab_query_fabric fabric;
	struct sfab_query_limits limits = {
		.max_queues = max_queues, .max_vms = 16, .max_commands = MAX_COMMANDS,
		.max_binds = MAX_BINDS, .max_syncs = MAX_SYNCS, .va_bits = 48,
		.job_timeout_ms = JOB_TIMEOUT_MS,
	};

	switch (id) {
	case SFAB_QUERY_DEVICE:
		put_device(table, dev);
		break;
	case SFAB_QUERY_ENGINES:
		put_table(table, engines, 2, sizeof(*engines));
		break;
	case SFAB_QUERY_REGIONS:
		put_table(table, regions, 4, sizeof(*regions));
		break;
	case SFAB_QUERY_LIMITS:
		put_table(table, &limits, 1, sizeof(limits));
		break;
	case SFAB_QUERY_COUNTERS:
		dev->counters.events_dropped = file->events_dropped;
		put_table(table, &dev->counters, 1, sizeof(dev->counters));
		break;
	case SFAB_QUERY_FABRIC:
		put_table(table, &fabric, fabric_info(dev, &fabric), sizeof(fabric));
		break;
	case SFAB_QUERY_PORTS:
		put_table(table, ports, fabric_ports(dev, ports), sizeof(ports[0]));
		break;
	}
}

/* What a newer kernel knows beyond the element of this header is all ones */
static void store_element(char *to, uint32_t stride, const char *from, uint32_t size,
			  uint32_t known)
{
	memset(to, 0, stride);
	memset(to, 0xff, stride < known ? stride : known);
	memcpy(to, from, size);
}

static long query(struct file *file, struct sfab_query *args)
{
	struct table table = { 0 };
	uint32_t i, known;

	fill_table(file, args->query, &table);
	known = table.size + (long_tables ? 16 : 0);
	if (args->flags || !table.count)
		return -EINVAL;
	if (args->count && args->stride < table.size)
		return -EINVAL;
	if (args->count && args->stride > 4096)
		return -E2BIG;
	for (i = 0; i < args->count && i < table.count; i++)
		store_element((char *)(uintptr_t)args->data + (size_t)i * args->stride,
			      args->stride, table.elements + (size_t)i * table.size, table.size,
			      known);
	args->count = table.count;
	args->stride = known;
	return 0;
}

/* What ends an object never fails for want of something */
static bool may_fail(unsigned int nr)
{
	return nr != _IOC_NR(DRM_IOCTL_GEM_CLOSE) &&
	       nr != _IOC_NR(DRM_IOCTL_SYNCOBJ_DESTROY) &&
	       nr != _IOC_NR(DRM_IOCTL_SFAB_QUEUE_DESTROY) &&
	       nr != _IOC_NR(DRM_IOCTL_SFAB_VM_DESTROY) &&
	       nr != _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_REVOKE);
}

static long dispatch(struct file *file, unsigned long request, void *arg)
{
	unsigned int nr = _IOC_NR(request);

	if (_IOC_TYPE(request) != DRM_IOCTL_BASE)
		return -ENOTTY;
	if (file->life != file->dev->life)
		return -ENODEV;
	if (may_fail(nr) && shall_fail())
		return -fail_err;
	if (nr == _IOC_NR(DRM_IOCTL_VERSION))
		return version(arg);
	if (nr == _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD) ||
	    nr == _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE))
		return prime_ioctl(file, nr, arg);
	if (nr >= _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE))
		return syncobj_ioctl(file, nr, arg);
	if (request == DRM_IOCTL_SFAB_QUERY)
		return query(file, arg);
	if (nr == _IOC_NR(DRM_IOCTL_GEM_CLOSE) ||
	    (nr >= _IOC_NR(DRM_IOCTL_SFAB_BO_CREATE) &&
	     nr <= _IOC_NR(DRM_IOCTL_SFAB_MEM_REGISTER)))
		return bo_ioctl(file, nr, arg);
	if (nr >= _IOC_NR(DRM_IOCTL_SFAB_VM_CREATE) && nr <= _IOC_NR(DRM_IOCTL_SFAB_VM_BIND))
		return vm_ioctl(file, nr, arg);
	if (nr >= _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_EXPORT) &&
	    nr <= _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_IMPORT))
		return segment_ioctl(file, nr, arg);
	if (nr >= _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_EXPORT))
		return fabric_ioctl(file, nr, arg);
	return queue_ioctl(file, nr, arg);
}

static size_t event_length(const struct file *file)
{
	return file->events[0].common.base.length + (long_events ? 24 : 0);
}

static void take_event(struct file *file, char *buf, size_t length)
{
	uint64_t one;

	memset(buf, 0, length);
	file->events[0].common.base.length = length;
	memcpy(buf, &file->events[0], length < sizeof(union event) ? length : sizeof(union event));
	file->event_count--;
	memmove(&file->events[0], &file->events[1], file->event_count * sizeof(file->events[0]));
	if (eventfd_read(file->fd, &one))
		abort();
}

/* As drm_read(): as many whole events as fit, 0 if the first does not */
static ssize_t file_read(struct file *file, char *buf, size_t size)
{
	size_t done = 0, length;

	if (file->life != file->dev->life) {
		errno = ENODEV;
		return -1;
	}
	if (!file->event_count) {
		errno = EAGAIN;
		return -1;
	}
	while (file->event_count && (length = event_length(file)) <= size - done) {
		take_event(file, buf + done, length);
		done += length;
	}
	return done;
}

/* ---- libc ---- */

#define REAL(name)	((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int real_close(int fd)
{
	return REAL(close)(fd);
}

static bool is_ours(int fd, enum fd_kind kind)
{
	return fd >= 0 && fd < MAX_FDS && descriptors[fd].kind == kind;
}

int open64(const char *path, int flags, ...)
{
	unsigned int index;
	va_list args;
	int mode, fd = -2;
	bool link;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
	va_end(args);

	link = sscanf(path, "/dev/sfab_link%u", &index) == 1;
	if (!link && (sscanf(path, "/dev/accel/accel%u", &index) != 1 || index >= FAKE_MAX_DEVICES))
		return REAL(open64)(path, flags, mode);

	pthread_mutex_lock(&kernel_lock);
	if (shall_fail())
		errno = fail_err;
	else
		fd = link ? link_file_open(index, flags) : file_open(&devices[index]);
	pthread_mutex_unlock(&kernel_lock);
	return fd < 0 ? -1 : fd;
}

int close(int fd)
{
	/* A child shares its parent's files: they stay open */
	if (getpid() != kernel_pid)
		return real_close(fd);
	pthread_mutex_lock(&kernel_lock);
	if (fd >= 0 && fd < MAX_FDS && descriptors[fd].kind != FD_NONE)
		descriptor_free(fd);
	pthread_mutex_unlock(&kernel_lock);
	return real_close(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	long ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	pthread_mutex_lock(&kernel_lock);
	if (!is_ours(fd, FD_FILE) && !is_ours(fd, FD_LINK)) {
		pthread_mutex_unlock(&kernel_lock);
		return REAL(ioctl)(fd, request, arg);
	}
	if (is_ours(fd, FD_FILE))
		ret = dispatch(descriptors[fd].object, request, arg);
	else if (shall_fail())
		ret = -fail_err;
	else
		ret = link_file_ioctl(descriptors[fd].object, request, arg);
	pthread_mutex_unlock(&kernel_lock);
	if (ret < 0)
		errno = -ret;
	return ret < 0 ? -1 : 0;
}

ssize_t read(int fd, void *buf, size_t size)
{
	ssize_t n = -2;

	pthread_mutex_lock(&kernel_lock);
	if (is_ours(fd, FD_FILE))
		n = file_read(descriptors[fd].object, buf, size);
	else if (is_ours(fd, FD_LINK))
		n = link_file_read(descriptors[fd].object, buf, size);
	pthread_mutex_unlock(&kernel_lock);
	return n == -2 ? REAL(read)(fd, buf, size) : n;
}

void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *p;

	if (!is_ours(fd, FD_FILE))
		return REAL(mmap64)(addr, size, prot, flags, fd, offset);
	pthread_mutex_lock(&kernel_lock);
	if (shall_fail()) {
		errno = fail_err;
		p = MAP_FAILED;
	} else {
		p = bo_mmap(descriptors[fd].object, addr, size, prot, flags, offset);
	}
	pthread_mutex_unlock(&kernel_lock);
	return p;
}

/* Only for the one line that the library reads of it */
FILE *fopen64(const char *path, const char *mode)
{
	static char text[64];

	if (strcmp(path, "/proc/self/status"))
		return REAL(fopen64)(path, mode);
	snprintf(text, sizeof(text), "Name:\tx\nVmPin:\t%8llu kB\n",
		 (unsigned long long)fake_pinned() / 1024);
	return fmemopen(text, strlen(text), "r");
}

#ifdef FAKE_DEVICES
/* For a program that knows nothing of fakes */
__attribute__((constructor)) static void start_at_once(void)
{
	fake_start(FAKE_DEVICES);
}
#endif
