// SPDX-License-Identifier: MIT
/*
 * Route tables as text
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "follow.h"
#include "number.h"
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
	unsigned int i, eid;

	if (!read_number(&word, UINT16_MAX, &eid) || *word || !eid)
		return -1;
	for (i = 0; i < graph->count; i++) {
		if (graph->nodes[i].eid == eid)
			return (int)i;
	}
	return -1;
}

/* "3/vc1:2" */
static bool read_candidate(const struct fabric_node *node, const char *word,
			   struct candidate *way)
{
	unsigned int port, hops, action = VC_KEEP;

	if (!read_number(&word, FABRIC_MAX_PORTS, &port) || port >= node->port_count)
		return false;
	if (*word == '/') {
		for (action = VC_ONE; action <= VC_ZERO; action++) {
			if (!strncmp(word, vc_suffix[action], 4))
				break;
		}
		if (action > VC_ZERO)
			return false;
		word += 4;
	}
	if (*word++ != ':')
		return false;
	if (!read_number(&word, UINT8_MAX, &hops) || *word || !hops)
		return false;
	*way = (struct candidate) { (uint8_t)port, (uint8_t)action, (uint8_t)hops };
	return true;
}

/* The candidate @way[count], after @count others */
static int add_candidate(const struct fabric_node *node, const char *file, unsigned int number,
			 const char *word, struct candidate *way, unsigned int count)
{
	unsigned int i;

	if (count == FABRIC_CANDIDATES)
		return complain("%s:%u: '%s' is one candidate too many: there are %u", file, number,
				word, FABRIC_CANDIDATES);
	if (!read_candidate(node, word, &way[count]))
		return complain("%s:%u: '%s' is no PORT[/vc0|/vc1]:HOPS of a device with %u ports",
				file, number, word, node->port_count);
	if (node->port[way[count].port].peer < 0)
		return complain("%s:%u: '%s': port %u of %s leads nowhere: name one that 'sfab fabric discover' lists, or mend its link",
				file, number, word, way[count].port, node->name);
	for (i = 0; i < count; i++) {
		/* In another virtual channel neither: it is up or down for both */
		if (way[i].port == way[count].port)
			return complain("%s:%u: '%s': port %u is a candidate already: name each port once",
					file, number, word, way[i].port);
	}
	return 0;
}

static int read_line(struct fabric_graph *graph, const char *file, unsigned int number, char *line)
{
	struct fabric_route *route;
	char *rest, *word;
	int node, target;
	unsigned int i;

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
	route->line = number;
	for (i = 0; (word = strtok_r(NULL, " \t", &rest)); i++) {
		if (add_candidate(&graph->nodes[node], file, number, word, route->way, i))
			return -1;
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

/* Accelerators that do not reach each other, although some way joins all that was discovered */
static int tell_missing(const struct fabric_graph *graph, const char *file)
{
	unsigned int i, k, pairs = 0, missing = 0, from = 0, to = 0;

	for (i = 0; i < graph->count; i++) {
		for (k = 0; k < graph->count; k++) {
			if (i == k || graph->nodes[i].kind != FABRIC_ACCEL ||
			    graph->nodes[k].kind != FABRIC_ACCEL)
				continue;
			pairs++;
			if (follow_route(graph, i, k))
				continue;
			if (!missing++) {
				from = i;
				to = k;
			}
		}
	}
	if (!missing)
		return 0;
	return complain("%s: %u of %u pairs of accelerators have no route, the first from EID %u to EID %u: add them, or give --partial, or no file to have routes computed",
			file, missing, pairs, graph->nodes[from].eid, graph->nodes[to].eid);
}

/* One that is taken only when others are down has to lead there as well */
static int verify_entry(const struct fabric_graph *graph, unsigned int node, unsigned int target,
			const char *file, bool partial)
{
	const struct fabric_route *route = &graph->nodes[node].routes[target];
	unsigned int eid = graph->nodes[target].eid, i;

	for (i = 0; i < FABRIC_CANDIDATES && route->way[i].hops; i++) {
		const struct candidate *way = &route->way[i];
		unsigned int hops = follow_candidate(graph, node, target, way);

		if (!hops && !partial)
			return complain("%s:%u: who leaves by port %u does not get to EID %u: add the entries on the way, leave this candidate out, or give --partial",
					file, route->line, way->port, eid);
		if (hops && hops != way->hops)
			return complain("%s:%u: EID %u is %u hops away by port %u, not %u: write '%u%s:%u'",
					file, route->line, eid, hops, way->port, way->hops,
					way->port, vc_suffix[way->action], hops);
	}
	return 0;
}

int tables_verify(const struct fabric_graph *graph, const char *file, bool partial)
{
	unsigned int i, k;

	if (!partial && tell_missing(graph, file))
		return -1;
	for (i = 0; i < graph->count; i++) {
		for (k = 0; k < graph->count; k++) {
			if (verify_entry(graph, i, k, file, partial))
				return -1;
		}
	}
	return 0;
}
