// SPDX-License-Identifier: MIT
/*
 * Route tables as text
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"
#include "tool.h"

static const char *const vc_suffix[] = { [VC_KEEP] = "", [VC_ONE] = "/vc1", [VC_ZERO] = "/vc0" };

static void print_entry(const struct fabric_node *node, const struct fabric_node *target,
			const struct fabric_route *route)
{
	unsigned int i;

	if (!route->way[0].hops)
		return;
	printf("%u %u", node->eid, target->eid);
	for (i = 0; i < FABRIC_CANDIDATES && route->way[i].hops; i++)
		printf(" %u%s:%u", route->way[i].port, vc_suffix[route->way[i].action % 3],
		       route->way[i].hops);
	putchar('\n');
}

void tables_print(const struct fabric_graph *graph)
{
	unsigned int i, k;

	for (i = 0; i < graph->count; i++) {
		for (k = 0; k < graph->count; k++)
			print_entry(&graph->nodes[i], &graph->nodes[k],
				    &graph->nodes[i].routes[k]);
	}
}

static int find_eid(const struct fabric_graph *graph, const char *word)
{
	unsigned int i;
	char *end;
	unsigned long eid = strtoul(word, &end, 10);

	for (i = 0; !*end && eid && i < graph->count; i++) {
		if (graph->nodes[i].eid == eid)
			return (int)i;
	}
	return -1;
}

/* "3/vc1:2" */
static bool read_candidate(const struct fabric_node *node, const char *word,
			   struct candidate *way)
{
	char *end;
	unsigned long port = strtoul(word, &end, 10), hops;
	unsigned int action = VC_KEEP;

	if (end == word || port >= node->port_count)
		return false;
	if (*end == '/') {
		for (action = VC_ONE; action <= VC_ZERO; action++) {
			if (!strncmp(end, vc_suffix[action], 4))
				break;
		}
		if (action > VC_ZERO)
			return false;
		end += 4;
	}
	if (*end++ != ':')
		return false;
	hops = strtoul(end, &end, 10);
	if (*end || !hops || hops > 255)
		return false;
	*way = (struct candidate) { (uint8_t)port, (uint8_t)action, (uint8_t)hops };
	return true;
}

static int read_line(struct fabric_graph *graph, const char *file, unsigned int number, char *line)
{
	struct fabric_route *route;
	char *rest, *word;
	unsigned int i;
	int node, target;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &rest);
	if (!word)
		return 0;
	node = find_eid(graph, word);
	if (node < 0)
		return complain("%s:%u: no device has EID '%s'", file, number, word);
	word = strtok_r(NULL, " \t", &rest);
	target = word ? find_eid(graph, word) : -1;
	if (target < 0)
		return complain("%s:%u: no device has EID '%s' to be reached", file, number,
				word ? word : "");
	route = &graph->nodes[node].routes[target];
	if (target == node || route->way[0].hops)
		return complain("%s:%u: there is an entry from %u to %u already", file, number,
				graph->nodes[node].eid, graph->nodes[target].eid);
	for (i = 0; (word = strtok_r(NULL, " \t", &rest)); i++) {
		if (i == FABRIC_CANDIDATES)
			return complain("%s:%u: '%s' is one candidate too many: there are %u", file,
					number, word, FABRIC_CANDIDATES);
		if (!read_candidate(&graph->nodes[node], word, &route->way[i]))
			return complain("%s:%u: '%s' is no PORT[/vc0|/vc1]:HOPS of a device with %u ports",
					file, number, word, graph->nodes[node].port_count);
	}
	return i ? 0 : complain("%s:%u: no candidate is named", file, number);
}

int tables_read(struct fabric_graph *graph, const char *file)
{
	unsigned int number = 0;
	char line[1024];
	FILE *stream;
	int ret = 0;

	if (graph_clear_routes(graph))
		return complain("no memory for the tables of %u devices", graph->count);
	stream = fopen(file, "re");
	if (!stream)
		return complain_file("open", file, errno);
	while (!ret && fgets(line, sizeof(line), stream))
		ret = read_line(graph, file, ++number, line);
	if (!ret && ferror(stream))
		ret = complain_file("read", file, errno);
	fclose(stream);
	return ret;
}
