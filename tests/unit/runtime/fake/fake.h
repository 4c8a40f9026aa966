/* SPDX-License-Identifier: MIT */
/*
 * A driver and its devices in this process: the ioctls of uapi/drm/sfab_accel.h
 * over plain memory, with real descriptors, and a libudev that finds the devices.
 *
 * The program that links this defines open(), ioctl(), read(), mmap() and close()
 * for itself and its libraries; calls that are not for a fake device go on to libc.
 * Each queue has a thread that executes its commands, so that work is as
 * asynchronous as with hardware.  Arguments are checked as strictly as the header's
 * errno contract says.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define FAKE_MAX_DEVICES	8
#define FAKE_HBM_SIZE		(256ULL << 20)

/* ---- the machine ---- */

/* Starts afresh with so many devices: accel0 at 0000:01:00.0 and so on */
void fake_start(unsigned int devices);
/* All that lives in the fake kernel; 0 when everything was given back */
unsigned int fake_leaks(void);
/* Prints what lives */
void fake_print_leaks(void);
/* Device accelN comes, or goes */
void fake_plug(unsigned int device);
void fake_remove(unsigned int device);
/* Opening its node gives this errno; 0: works */
void fake_deny(unsigned int device, int err);
/* The driver's name, "sfab" unless told otherwise */
void fake_driver_name(const char *name);
/* The device's capability bits; those that it has unless told otherwise */
#define FAKE_CAPS	(SFAB_FEATURE_PEER | SFAB_FEATURE_REDUCE | SFAB_FEATURE_ATOMIC | \
			 SFAB_FEATURE_COPY_2D)
void fake_caps(unsigned int device, uint64_t caps);
/* Whether device from reaches the HBM of device to; all do at the start */
void fake_peer(unsigned int from, unsigned int to, bool reachable);
void fake_no_peers(void);
/* BO_QUERY tells yes, VM_BIND then EXDEV */
void fake_peer_lies(bool lies);
/* Devices with SFAB_CAP_FABRIC: who calls has no CAP_SYS_ADMIN; datagrams get no answer */
void fake_unprivileged(bool on);
void fake_deaf(bool on);
/* Its EID, 10 + number unless told otherwise; it is dark: nothing comes or goes */
void fake_eid(unsigned int device, uint32_t eid);
/* A port of the device changes; the device gets a trap of a port of another one */
void fake_port(unsigned int device, uint32_t port, uint32_t state, uint32_t reason);
void fake_trap(unsigned int device, uint32_t eid, uint32_t port, uint32_t state, uint32_t reason);
/* Not of a port */
void fake_strange_trap(unsigned int device);
void fake_dark(unsigned int device, bool dark);
/* Whether the system has uevents */
void fake_monitor(bool works);
/* What libudev is asked for by this function fails with err; NULL: nothing does */
void fake_fail_udev(const char *function, int err);
/* How often all devices, or all links, were looked for */
extern unsigned int fake_scans;
/* Bytes that the process has pinned; shown as VmPin */
uint64_t fake_pinned(void);
/* Longer events than this library knows */
void fake_long_events(bool on);
/* Longer elements of QUERY's tables, too */
void fake_long_tables(bool on);
/* Hardware queues of each device */
void fake_max_queues(unsigned int count);
/* A dma-buf of another driver */
int fake_foreign_dmabuf(size_t size, void **memory);
/* Foreign dma-bufs cannot be reached */
void fake_refuse_foreign(bool on);

/* ---- work ---- */

/* Devices execute nothing while held */
void fake_hold(bool held);
/* The next command of the device faults with this cause */
void fake_fault(unsigned int device, uint32_t cause);
/* The next submission of the device runs into the job timeout */
void fake_timeout(unsigned int device);
/* A device reset: all of its queues are lost */
void fake_reset(unsigned int device);
/* So many more jobs have timed out, and operations on memory of others failed */
void fake_counted(unsigned int device, uint64_t timeouts, uint64_t failures);
/* Long-running queues have no room; submissions give EAGAIN after so many */
void fake_room(unsigned int submissions);
/* What the newest queue of all is to do when a way is lost */
void fake_on_loss(uint32_t *on_loss, uint32_t *limit_ms);
/* What the devices have executed */
struct fake_work {
	uint64_t submissions;
	uint64_t commands;
	uint64_t binds;
	uint64_t most_bytes;		/* of one submission */
};

struct fake_work fake_work(void);

/* ---- failures ---- */

/* The nth call (from 1) of the library into the kernel fails with err; 0: none */
void fake_fail_call(unsigned int nth, int err);
/* Whether it has been reached */
bool fake_call_failed(void);
/* The nth allocation of the library fails; 0: none */
void fake_fail_alloc(unsigned int nth);
bool fake_alloc_failed(void);
/* Descriptors that this process has open */
unsigned int fake_open_descriptors(void);

/* What the library is built to call in place of libc's */
void *fake_malloc(size_t size);
void *fake_calloc(size_t count, size_t size);
void *fake_realloc(void *old, size_t size);

#endif /* FAKE_H */
