/* SPDX-License-Identifier: MIT */
/*
 * What the actions of sfab link share
 */
#ifndef SFAB_TOOL_LINK_H
#define SFAB_TOOL_LINK_H

#include <argp.h>
#include <json.h>
#include <stdbool.h>

#include <sfab/sfab.h>

/** struct link_request - the command line */
struct link_request {
	const char *action;
	const char *name;		/* of the link; NULL: all */
	const char *word;		/* what follows: a path, an operation of a test */
	const char *output;
	unsigned int given;		/* options, a bit of each */
	uint32_t lanes;			/* a mask */
	uint32_t partner_path;
	bool together;
	uint32_t timeout_ms;
	uint32_t pattern, role;
	uint32_t clear;
	bool hex;
	uint64_t seconds;		/* 0: until interrupted */
	bool json;
};

/* describe.c: what a link says of itself; failures were told, then NULL */
struct json_object *link_describe(struct sfab_link *link);
/* ... with readings, counters, module and lanes */
struct json_object *link_describe_all(struct sfab_link *link);

/* A power in nW, null where it is dark */
struct json_object *link_dbm(uint32_t nanowatts);

/* show.c */
void link_show_list(struct json_object *list);
void link_show_all(struct json_object *object);

/* watch.c, map.c, test.c, change.c: actions; 0, or -1 and it was told */
int link_watch(struct sfab_context *context, const struct link_request *request);
int link_history(struct sfab_link *link, const struct link_request *request);
int link_map(struct sfab_link *link, const struct link_request *request);
int link_control(struct sfab_link *link, const struct link_request *request);
int link_switch(struct sfab_link *link, const struct link_request *request);
int link_test(struct sfab_link *link, const struct link_request *request);
int link_clear(struct sfab_link *link, const struct link_request *request);

/* test.c: numbers of the names of patterns and roles; -1: none */
int link_pattern(const char *name);
int link_role(const char *name);

#endif
