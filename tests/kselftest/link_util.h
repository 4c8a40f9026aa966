/* SPDX-License-Identifier: MIT */
/*
 * What tests of links share: their files and attributes, one function an ioctl, as in
 * sfab_test.h, and what it takes to bring a link down and up.
 */
#ifndef LINK_UTIL_H
#define LINK_UTIL_H

#include <linux/sfab_link.h>

#include "fabric_util.h"

/* "sfab_linkN" of a port of the index-th accelerator, or -ENOENT */
int link_name(unsigned int index, unsigned int port, char name[32]);
/* A file, or -errno */
int link_open(unsigned int index, unsigned int port, int flags);
/* The first line of an attribute of the link, below /sys/class/sfab_link/NAME */
int link_attribute(const char *name, const char *attribute, char *line, size_t size);
/* The number in one, or LONG_MIN */
long link_number(const char *name, const char *attribute);
/* The folder of the link's hwmon device, or false; a number in one of its files, or LONG_MIN */
bool hwmon_of_link(const char *name, char *path, size_t size);
long hwmon_number(const char *path, const char *file);

int link_info(int fd, struct sfab_link_info *info);
int link_status(int fd, struct sfab_link_status *status);
int link_readings(int fd, struct sfab_link_readings *readings);
int link_counters(int fd, struct sfab_link_counters *counters);
int link_control(int fd, uint32_t set, uint32_t config);
int link_clear(int fd, uint32_t what);
/* Begins a switch to @path, with @flags, and waits for it; @answer may be NULL */
int link_switch(int fd, uint32_t flags, uint32_t path, uint32_t partner_path,
		struct sfab_link_switch *answer);
/* Bytes of the map; @interval may be NULL */
int link_map(int fd, uint32_t offset, void *data, uint32_t length, uint64_t *interval);
/* @answer may be NULL */
int link_test(int fd, uint32_t op, uint32_t pattern, uint32_t role,
	      struct sfab_link_test *answer);
/* The newest @count events at most; returns how many, or -errno */
int link_history(int fd, struct sfab_link_event *events, uint32_t count);

/* The next event, -ETIME when none comes in the time, else -errno of read() */
int link_event(int fd, struct sfab_link_event *event, unsigned int timeout_ms);
/* The next of @type, which others may come before */
int link_event_of_type(int fd, uint32_t type, struct sfab_link_event *event,
		       unsigned int timeout_ms);
/* Waits until the link is in the state; -ETIME if it does not come to that */
int link_await(int fd, uint32_t state, unsigned int timeout_ms);
/* As link_await(), and until the driver has told all of it: STATE sees it before its event comes */
int link_settle(int fd, uint32_t state);
/* Enabled, trained, and with all its events seen by @fd */
int link_bring_up(int fd);

/* A fault, as x-inject has it (sfab-optics.rst); tests/kselftest/host does it, some time later */
void ask_host_to_inject(const char *what, const char *device);

#endif
