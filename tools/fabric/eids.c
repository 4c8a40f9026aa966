// SPDX-License-Identifier: MIT
/*
 * Which device gets which EID
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "program.h"
#include "tool.h"

#define MAX_EID	4095	/* every device has a table up to this at least */
#define SPACE	" \t\r\v\f"

static struct fabric_node *by_eid(struct fabric_graph *graph, unsigned int eid)
{
	unsigned int i;

	for (i = 0; i < graph->count; i++) {
		if (graph->nodes[i].eid == eid)
			return &graph->nodes[i];
	}
	return NULL;
}

static struct fabric_node *by_uuid(struct fabric_graph *graph, const char *uuid)
{
	unsigned int i;

	for (i = 0; i < graph->count; i++) {
		const char *name = strchr(graph->nodes[i].name, ' ');

		if (name && !strcasecmp(name + 1, uuid))
			return &graph->nodes[i];
	}
	return NULL;
}

/* One line of the file; @named has an element for each device: where it was named */
static int read_line(struct fabric_graph *graph, unsigned int *named, const char *file,
		     unsigned int number, char *line)
{
	const char *uuid, *word, *digits;
	struct fabric_node *node;
	unsigned int eid, i;
	char *rest;

	line[strcspn(line, "#\n")] = '\0';
	uuid = strtok_r(line, SPACE, &rest);
	if (!uuid)
		return 0;
	word = strtok_r(NULL, SPACE, &rest);
	if (!word || strtok_r(NULL, SPACE, &rest))
		return complain("%s:%u: a line is a UUID and an EID", file, number);
	digits = word;
	if (!read_number(&digits, MAX_EID, &eid) || *digits || !eid)
		return complain("%s:%u: EID %s is not one of 1 to %u", file, number, word, MAX_EID);
	node = by_uuid(graph, uuid);
	if (!node)
		return complain("%s:%u: no device has the UUID '%s': 'sfab fabric discover' lists them",
				file, number, uuid);
	for (i = 0; i < graph->count; i++) {
		if (named[i] && (&graph->nodes[i] == node || graph->nodes[i].eid == eid))
			return complain("%s:%u: %s %u was given in line %u already", file, number,
					&graph->nodes[i] == node ? "this device and EID" : "EID",
					eid, named[i]);
	}
	node->eid = (uint16_t)eid;
	named[node - graph->nodes] = number;
	return 0;
}

static int read_file(struct fabric_graph *graph, unsigned int *named, const char *file)
{
	FILE *stream = fopen(file, "re");
	unsigned int number = 0;
	char line[256];
	int ret = 0;

	if (!stream)
		return complain_file("open", file, errno);
	while (!ret && fgets(line, sizeof(line), stream))
		ret = read_line(graph, named, file, ++number, line);
	if (!ret && ferror(stream))
		ret = complain_file("read", file, errno);
	fclose(stream);
	return ret;
}

/* A device that nobody named, with an EID that somebody before it has, gives it up */
static void settle(struct fabric_graph *graph, const unsigned int *named)
{
	unsigned int i, k, eid = 1;

	for (i = 0; i < graph->count; i++) {
		struct fabric_node *node = &graph->nodes[i];

		for (k = 0; k < graph->count; k++) {
			if (k != i && !named[i] && graph->nodes[k].eid == node->eid &&
			    (named[k] || k < i))
				node->eid = 0;
		}
		if (node->eid > MAX_EID)
			node->eid = 0;
	}
	for (i = 0; i < graph->count; i++) {
		if (graph->nodes[i].eid)
			continue;
		while (by_eid(graph, eid))
			eid++;
		graph->nodes[i].eid = (uint16_t)eid;
	}
}

int eids_assign(struct fabric_graph *graph, const char *file)
{
	unsigned int *named = calloc(graph->count + 1, sizeof(*named));
	int ret = 0;

	if (!named)
		return complain("no memory for %u devices", graph->count);
	if (graph->count > MAX_EID)
		ret = complain("the fabric has %u devices, and there are %u EIDs", graph->count,
			       MAX_EID);
	if (!ret && file)
		ret = read_file(graph, named, file);
	if (!ret)
		settle(graph, named);
	free(named);
	return ret;
}
