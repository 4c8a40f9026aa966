// SPDX-License-Identifier: MIT
/*
 * The file of thresholds, sfab-health.json(5)
 */
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "health_file.h"
#include "internal.h"

#define FILE_MOST	65536

struct key {
	const char *name;
	size_t offset;
	double least, most;
	bool whole;
	const char *meaning;
};

#define KEY(name, least, most, meaning)	\
	{ #name, offsetof(struct health_thresholds, name), least, most, false, meaning }
#define COUNT(name, least, most, meaning)	\
	{ #name, offsetof(struct health_thresholds, name), least, most, true, meaning }

static const struct key keys[] = {
	KEY(temperature_warn_c, 0, 120, "of the module, if it tells no limit of its own"),
	KEY(temperature_alarm_c, 0, 120, "likewise"),
	KEY(ber_warn, 0, 0.5, "bit errors before correction"),
	KEY(ber_alarm, 0, 0.5, "from here on codewords may be lost"),
	KEY(lane_loss_db, 0.1, 40, "a lane may lose more than its best neighbour"),
	KEY(path_loss_db, 0, 40, "usual loss of fibre, connectors and optical switches"),
	KEY(path_excess_db, 0.1, 40, "all lanes may lose more than that"),
	KEY(alone_lane_db, 0.1, 40, "as lane_loss_db, where the far end cannot be asked"),
	KEY(alone_low_dbm, -40, 10, "all lanes receive at least, likewise"),
	KEY(age_warn_percent, 1, 255, "of the life of a laser"),
	KEY(bias_warn_ma, 1, 1000, "current of a laser, if the module is not warm"),
	KEY(replays_per_s, 0.001, 1e9, "damaged packets"),
	COUNT(flap_count, 1, HEALTH_FLAPS, "times down within the window"),
	KEY(flap_window_s, 1, 86400, ""),
	COUNT(raise_intervals, 1, 1000, "a finding is shown when it was seen so often"),
	COUNT(clear_intervals, 1, 1000, "... and taken back when it was not seen so often"),
	COUNT(judge_unused, 0, 1, "1: a port that never carried traffic is a finding too"),
};

static double *value_of(struct health_thresholds *t, const struct key *key)
{
	return (double *)(void *)((char *)t + key->offset);
}

static const struct key *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

/* ---- reading ---- */

static int take_member(const char *path, const char *name, struct json_object *value,
		       struct health_thresholds *t)
{
	const struct key *key = find(name);
	double number;

	if (!key)
		return fail(-EINVAL, "%s: there is no threshold '%.64s': sfab-health.json(5) and 'sfab health --thresholds' list them",
			    path, name);
	if (!json_object_is_type(value, json_type_double) &&
	    !json_object_is_type(value, json_type_int))
		return fail(-EINVAL, "%s: %s is %.64s: write a number from %g to %g", path, name,
			    json_object_to_json_string(value), key->least, key->most);
	number = json_object_get_double(value);
	if (!(number >= key->least && number <= key->most) ||
	    (key->whole && number != floor(number)))
		return fail(-EINVAL, "%s: %s is %g: write a %snumber from %g to %g", path, name,
			    number, key->whole ? "whole " : "", key->least, key->most);
	*value_of(t, key) = number;
	return 0;
}

static int take_all(const char *path, struct json_object *object, struct health_thresholds *t)
{
	struct json_object_iterator at, end;
	int ret = 0;

	if (!json_object_is_type(object, json_type_object))
		return fail(-EINVAL, "%s: it holds no object: write { \"ber_warn\": 1e-5 }, say",
			    path);
	at = json_object_iter_begin(object);
	end = json_object_iter_end(object);
	for (; !ret && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
		ret = take_member(path, json_object_iter_peek_name(&at),
				  json_object_iter_peek_value(&at), t);
	if (ret)
		return ret;
	if (t->temperature_warn_c > t->temperature_alarm_c)
		return fail(-EINVAL, "%s: temperature_warn_c (%g) is above temperature_alarm_c (%g): write a lower one",
			    path, t->temperature_warn_c, t->temperature_alarm_c);
	if (t->ber_warn > t->ber_alarm)
		return fail(-EINVAL, "%s: ber_warn (%g) is above ber_alarm (%g): write a lower one",
			    path, t->ber_warn, t->ber_alarm);
	return 0;
}

static unsigned int line_at(const char *text, size_t offset)
{
	unsigned int line = 1;

	for (; offset--; text++)
		line += *text == '\n';
	return line;
}

/* Where what follows the object begins, if it is more than blanks and comments */
static const char *after(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (strncmp(text, "//", 2))
			return text;
		text += strcspn(text, "\n");
	}
}

static int parse(const char *path, const char *text, size_t length, struct health_thresholds *t)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;
	enum json_tokener_error error;
	const char *rest;
	size_t end;
	int ret;

	if (!tokener)
		return fail_nomem("the file of thresholds");
	object = json_tokener_parse_ex(tokener, text, (int)length + 1);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	rest = after(text + (end < length ? end : length));
	if (error != json_tokener_success)
		ret = fail(-EINVAL, "%s: line %u: %s: it must be one JSON object, // comments are allowed",
			   path, line_at(text, end),
			   json_tokener_error_desc(error));
	else if (*rest)
		ret = fail(-EINVAL, "%s: line %u: '%.20s' after the end of the object: remove it",
			   path, line_at(text, (size_t)(rest - text)), rest);
	else
		ret = take_all(path, object, t);
	json_object_put(object);
	json_tokener_free(tokener);
	return ret;
}

int health_file_read(const char *path, struct health_thresholds *t)
{
	const char *name = path ? path : HEALTH_FILE;
	char text[FILE_MOST + 1];
	size_t length;
	FILE *file;
	int err;

	*t = health_defaults;
	if (path && !path[0])
		return 0;
	file = fopen(name, "re");
	if (!file && !path && errno == ENOENT)
		return 0;
	if (!file)
		return fail(-errno, "%s: cannot be opened: %s", name, strerror(errno));
	length = fread(text, 1, FILE_MOST, file);
	err = ferror(file) ? errno : 0;
	fclose(file);
	if (err)
		return fail(-err, "%s: cannot be read: %s", name, strerror(err));
	if (length == FILE_MOST)
		return fail(-EINVAL, "%s: it is longer than %d bytes: that is no file of thresholds",
			    name, FILE_MOST);
	text[length] = 0;
	return parse(name, text, length, t);
}

/* ---- writing ---- */

int health_file_write(const struct health_thresholds *t, char *text, size_t size)
{
	struct health_thresholds copy = *t;
	size_t used = 0, i;

#define ADD(...) (used += (size_t)snprintf(used < size ? text + used : NULL,	\
					   used < size ? size - used : 0, __VA_ARGS__))
	ADD("{\n");
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		ADD("\t\"%s\": %g%s%s%s\n", keys[i].name, *value_of(&copy, &keys[i]),
		    i + 1 < ARRAY_SIZE(keys) ? "," : "", keys[i].meaning[0] ? "\t// " : "",
		    keys[i].meaning);
	ADD("}\n");
#undef ADD
	return (int)used;
}
