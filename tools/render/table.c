// SPDX-License-Identifier: MIT
/*
 * Documents as people see them: fields below each other, or tables
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../units.h"
#include "render.h"

#define CELL_SIZE	256
#define GAP		2
#define MAX_COLUMNS	16

static void show_list(char *cell, struct json_object *list)
{
	size_t i, used = 0;

	*cell = '\0';
	for (i = 0; i < json_object_array_length(list) && used < CELL_SIZE; i++)
		used += snprintf(cell + used, CELL_SIZE - used, "%s%s", i ? ", " : "",
				 json_object_get_string(json_object_array_get_idx(list, i)));
	if (!i)
		strcpy(cell, "none");
}

static void show(char *cell, const struct field *field, struct json_object *object)
{
	struct json_object *value = NULL;

	json_pointer_get(object, field->key, &value);
	if (!value) {
		strcpy(cell, field->view == VIEW_VERDICT ? "FAILED" : "-");
		return;
	}

	switch (field->view) {
	case VIEW_TEXT:
	case VIEW_NUMBER:
		snprintf(cell, CELL_SIZE, "%s", json_object_get_string(value));
		break;
	case VIEW_BYTES:
		format_bytes(cell, CELL_SIZE, json_object_get_uint64(value));
		break;
	case VIEW_RATE:
		snprintf(cell, CELL_SIZE, "%.1f", (double)json_object_get_uint64(value) / 1e6);
		break;
	case VIEW_MICRO:
		snprintf(cell, CELL_SIZE, "%.1f", (double)json_object_get_uint64(value) / 1e3);
		break;
	case VIEW_SECONDS:
		snprintf(cell, CELL_SIZE, "%.1f", json_object_get_double(value));
		break;
	case VIEW_MILLI:
		snprintf(cell, CELL_SIZE, "%.1f", json_object_get_double(value) * 1e3);
		break;
	case VIEW_LIST:
		show_list(cell, value);
		break;
	case VIEW_VERDICT:
		strcpy(cell, json_object_get_boolean(value) ? "ok" : "MISMATCH");
		break;
	}
}

void render_fields(const struct field *fields, struct json_object *object)
{
	const struct field *field;
	char cell[CELL_SIZE];
	int width = 0;

	for (field = fields; field->title; field++) {
		if (field->key && (int)strlen(field->title) > width)
			width = (int)strlen(field->title);
	}
	for (field = fields; field->title; field++) {
		if (!field->key) {
			puts(field->title);
			continue;
		}
		show(cell, field, object);
		printf("  %-*s%s\n", width + GAP, field->title, cell);
	}
}

/* ---- tables ---- */

static bool is_left(const struct field *column)
{
	return column->view == VIEW_TEXT || column->view == VIEW_LIST ||
	       column->view == VIEW_VERDICT;
}

static int width_of(const struct field *column)
{
	int title = (int)strlen(column->title);

	return title > column->width ? title : column->width;
}

static void print_cell(const struct field *column, const char *text)
{
	bool last = !column[1].title;

	if (!is_left(column))
		printf("%*s%s", width_of(column), text, last ? "" : "  ");
	else if (last)
		printf("%s", text);	/* no blanks at the end */
	else
		printf("%-*s", width_of(column) + GAP, text);
	if (last)
		putchar('\n');
}

void render_head(const struct field *columns)
{
	for (; columns->title; columns++)
		print_cell(columns, columns->title);
}

void render_row(const struct field *columns, struct json_object *row)
{
	char cell[CELL_SIZE];

	for (; columns->title; columns++) {
		show(cell, columns, row);
		print_cell(columns, cell);
	}
}

void render_table(const struct field *columns, struct json_object *rows)
{
	size_t i, j, count = json_object_array_length(rows);
	struct field fitted[MAX_COLUMNS + 1] = { 0 };
	char cell[CELL_SIZE];

	for (j = 0; j < MAX_COLUMNS && columns[j].title; j++) {
		fitted[j] = columns[j];
		for (i = 0; i < count; i++) {
			show(cell, &fitted[j], json_object_array_get_idx(rows, i));
			if ((int)strlen(cell) > fitted[j].width)
				fitted[j].width = (int)strlen(cell);
		}
	}
	render_head(fitted);
	for (i = 0; i < count; i++)
		render_row(fitted, json_object_array_get_idx(rows, i));
}
