/* SPDX-License-Identifier: MIT */
#ifndef SFAB_HEALTH_FILE_H
#define SFAB_HEALTH_FILE_H

#include "health.h"

#define HEALTH_FILE	"/etc/sfab/health.json"

/* @path as for sfab_health_open(); what a file leaves out keeps its default */
int health_file_read(const char *path, struct health_thresholds *thresholds);
/* As such a file; as snprintf() */
int health_file_write(const struct health_thresholds *thresholds, char *text, size_t size);

#endif
