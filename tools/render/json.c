// SPDX-License-Identifier: MIT
/*
 * Documents: making and printing them
 */
#include <stdio.h>

#include "../units.h"
#include "render.h"

void json_put(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

void json_put_text(struct json_object *object, const char *key, const char *text)
{
	json_put(object, key, json_object_new_string(text));
}

void json_put_number(struct json_object *object, const char *key, uint64_t number)
{
	json_put(object, key, json_object_new_uint64(number));
}

struct json_object *json_decimal(double number, const char *format)
{
	struct json_object *value = json_object_new_double(number);

	json_object_set_serializer(value, json_object_double_to_json_string, (void *)format, NULL);
	return value;
}

struct json_object *json_seconds(uint64_t ns)
{
	return json_decimal((double)ns / 1e9, "%.6f");
}

struct json_object *json_rate(uint64_t bytes, uint64_t ns)
{
	uint64_t rate = bytes_per_second(bytes, ns);

	return rate ? json_object_new_uint64(rate) : NULL;
}

void render_json(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}
