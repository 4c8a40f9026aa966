/* SPDX-License-Identifier: MIT */
/*
 * Shows what a command found out
 *
 * A command puts its results into one JSON document, which is either printed as
 * it is or shown to people by lists of fields: so both always say the same.
 */
#ifndef SFAB_TOOL_RENDER_H
#define SFAB_TOOL_RENDER_H

#include <json.h>
#include <stdint.h>

/** enum view - how people see a value; one that is missing or null is "-" */
enum view {
	VIEW_TEXT,	/* as it is */
	VIEW_NUMBER,	/* as it is, right-aligned */
	VIEW_BYTES,	/* bytes as "1.5 MiB" */
	VIEW_RATE,	/* bytes per second as MB/s (10^6) */
	VIEW_MICRO,	/* nanoseconds as microseconds */
	VIEW_SECONDS,	/* seconds, one decimal */
	VIEW_MILLI,	/* seconds as milliseconds */
	VIEW_LIST,	/* array of texts as "a, b" */
	VIEW_VERDICT	/* true as "ok", false as "MISMATCH", null as "FAILED" */
};

/** struct field - one value of an object; lists of them end with a NULL title */
struct field {
	const char *title;
	const char *key;	/* JSON pointer (RFC 6901); NULL: a heading */
	enum view view;
	int width;		/* of the column of a table, at least */
};

/** render_json() - print a document */
void render_json(struct json_object *document);

/** render_fields() - print an object, one field a line */
void render_fields(const struct field *fields, struct json_object *object);

/** render_table() - print an array of objects, one a line, as wide as needed */
void render_table(const struct field *columns, struct json_object *rows);

/**
 * render_head(), render_row() - print a table whose rows come one by one
 *
 * Columns are as wide as they say, or as their titles.
 */
void render_head(const struct field *columns);
void render_row(const struct field *columns, struct json_object *row);

/* How values that JSON has no type for stand in documents */
struct json_object *json_decimal(double number, const char *format);	/* a literal */
struct json_object *json_seconds(uint64_t ns);
struct json_object *json_rate(uint64_t bytes, uint64_t ns);	/* bytes per second, or null */

/* Add a member to an object */
void json_put(struct json_object *object, const char *key, struct json_object *value);
void json_put_text(struct json_object *object, const char *key, const char *text);
void json_put_number(struct json_object *object, const char *key, uint64_t number);

#endif
