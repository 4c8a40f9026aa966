// SPDX-License-Identifier: MIT
/*
 * Channel dependencies of route tables, built up one candidate at a time
 *
 * For each target we know which channels may hold its packets (@carries), and for each
 * pair of channels how many targets make the first depend on the second (@edges).  A
 * candidate adds channels that carry, which adds dependencies in the devices behind
 * them, and so on; what was added is noted, to be taken back where it makes a cycle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dependency.h"

/* What an addition has changed: a channel carries, or an edge */
struct change {
	unsigned int from;
	unsigned int to;	/* CARRY: @from carries the target now */
};

#define CARRY	(~0U)

struct dependencies {
	const struct fabric_graph *graph;
	struct fabric_route *ways;	/* [node][target], accepted candidates */
	unsigned int *first;		/* first channel of each node */
	unsigned int *owner;		/* node of each channel */
	unsigned int channels;
	uint16_t *edges;		/* [from][to], how often */
	uint8_t *carries;		/* [target][channel] */

	/* of the candidate that is being added */
	struct change *changes;
	unsigned int change_count, change_room;
	bool failed;			/* no memory */

	/* of the search for a cycle */
	uint8_t *colour;
	unsigned int *stack;
	unsigned int *next;
};

static unsigned int channel(const struct dependencies *deps, unsigned int node,
			    unsigned int port, unsigned int vc)
{
	return deps->first[node] + port * FABRIC_VCS + vc;
}

static unsigned int port_of(const struct dependencies *deps, unsigned int ch)
{
	return (ch - deps->first[deps->owner[ch]]) / FABRIC_VCS;
}

static unsigned int vc_of(const struct dependencies *deps, unsigned int ch)
{
	return (ch - deps->first[deps->owner[ch]]) % FABRIC_VCS;
}

static struct fabric_route *ways(struct dependencies *deps, unsigned int node,
				 unsigned int target)
{
	return &deps->ways[(size_t)node * deps->graph->count + target];
}

static uint16_t *edge(struct dependencies *deps, unsigned int from, unsigned int to)
{
	return &deps->edges[(size_t)from * deps->channels + to];
}

static uint8_t *carry(struct dependencies *deps, unsigned int target, unsigned int ch)
{
	return &deps->carries[(size_t)target * deps->channels + ch];
}

void dependencies_free(struct dependencies *deps)
{
	if (!deps)
		return;
	free(deps->ways);
	free(deps->first);
	free(deps->owner);
	free(deps->edges);
	free(deps->carries);
	free(deps->changes);
	free(deps->colour);
	free(deps->stack);
	free(deps->next);
	free(deps);
}

static bool allocate(struct dependencies *deps)
{
	size_t nodes = deps->graph->count, channels = deps->channels;

	deps->ways = calloc(nodes * nodes + 1, sizeof(*deps->ways));
	deps->owner = calloc(channels + 1, sizeof(*deps->owner));
	deps->edges = calloc(channels * channels + 1, sizeof(*deps->edges));
	deps->carries = calloc(nodes * channels + 1, 1);
	deps->colour = calloc(channels + 1, 1);
	deps->stack = calloc(channels + 1, sizeof(*deps->stack));
	deps->next = calloc(channels + 1, sizeof(*deps->next));
	return deps->ways && deps->owner && deps->edges && deps->carries && deps->colour &&
	       deps->stack && deps->next;
}

struct dependencies *dependencies_new(const struct fabric_graph *graph)
{
	struct dependencies *deps = calloc(1, sizeof(*deps));
	unsigned int i, ch;

	if (!deps)
		return NULL;
	deps->graph = graph;
	deps->first = calloc(graph->count + 1, sizeof(*deps->first));
	if (!deps->first)
		goto no_memory;
	for (i = 0; i < graph->count; i++)
		deps->first[i + 1] = deps->first[i] + graph->nodes[i].port_count * FABRIC_VCS;
	deps->channels = deps->first[graph->count];
	if (!allocate(deps))
		goto no_memory;
	for (i = 0; i < graph->count; i++) {
		for (ch = deps->first[i]; ch < deps->first[i + 1]; ch++)
			deps->owner[ch] = i;
	}
	return deps;

no_memory:
	dependencies_free(deps);
	return NULL;
}

static void note(struct dependencies *deps, unsigned int from, unsigned int to)
{
	struct change *changes = deps->changes;

	if (deps->change_count == deps->change_room) {
		deps->change_room = deps->change_room ? 2 * deps->change_room : 64;
		changes = realloc(changes, deps->change_room * sizeof(*changes));
		if (!changes) {
			deps->failed = true;
			deps->change_room = deps->change_count;
			return;
		}
		deps->changes = changes;
	}
	changes[deps->change_count++] = (struct change) { from, to };
}

static void spread(struct dependencies *deps, unsigned int target, unsigned int ch);

/* A packet for @target that comes in by channel @in (or begins here: CARRY) may go @way. */
static void pass_on(struct dependencies *deps, unsigned int node, unsigned int target,
		    unsigned int in, const struct candidate *way)
{
	const struct fabric_port *port = &deps->graph->nodes[node].port[way->port];
	unsigned int vc = in == CARRY ? 0 : vc_of(deps, in);
	unsigned int out = channel(deps, node, way->port, vc_after(vc, way->action));

	if (deps->failed || port->peer < 0)
		return;
	if (in != CARRY) {
		const struct fabric_node *from = &deps->graph->nodes[deps->owner[in]];

		/* Never back out of the port where it came in */
		if (from->port[port_of(deps, in)].peer_port == way->port)
			return;
		++*edge(deps, in, out);
		note(deps, in, out);
	}
	if (*carry(deps, target, out))
		return;
	*carry(deps, target, out) = 1;
	note(deps, out, CARRY);
	spread(deps, target, out);
}

/* Channel @ch has come to carry packets for @target: so does what follows it. */
static void spread(struct dependencies *deps, unsigned int target, unsigned int ch)
{
	const struct fabric_node *from = &deps->graph->nodes[deps->owner[ch]];
	unsigned int node = (unsigned int)from->port[port_of(deps, ch)].peer;
	unsigned int i;

	for (i = 0; node != target && i < FABRIC_CANDIDATES; i++) {
		const struct candidate *way = &ways(deps, node, target)->way[i];

		if (way->hops)
			pass_on(deps, node, target, ch, way);
	}
}

/* What may arrive at @node for @target, and what begins there, may go @way from now on. */
static void extend(struct dependencies *deps, unsigned int node, unsigned int target,
		   const struct candidate *way)
{
	const struct fabric_node *here = &deps->graph->nodes[node];
	unsigned int p, vc;

	pass_on(deps, node, target, CARRY, way);
	for (p = 0; p < here->port_count; p++) {
		const struct fabric_port *port = &here->port[p];

		for (vc = 0; port->peer >= 0 && vc < FABRIC_VCS; vc++) {
			unsigned int in = channel(deps, (unsigned int)port->peer,
						  port->peer_port, vc);

			if (*carry(deps, target, in))
				pass_on(deps, node, target, in, way);
		}
	}
}

/* The channels that may follow @ch: those of the device behind it, first to last - 1 */
static void followers(const struct dependencies *deps, unsigned int ch, unsigned int *first,
		      unsigned int *last)
{
	const struct fabric_node *node = &deps->graph->nodes[deps->owner[ch]];
	int peer = node->port[port_of(deps, ch)].peer;

	*first = peer < 0 ? 0 : deps->first[peer];
	*last = peer < 0 ? 0 : deps->first[peer + 1];
}

/*
 * Depth first, without recursion, from @start.  Returns true if a channel on the way is
 * reached again: the way is then in stack[0 .. *depth - 1], and the last one leads back to
 * *back.
 */
static bool search(struct dependencies *deps, unsigned int start, unsigned int *depth,
		   unsigned int *back)
{
	enum { WHITE, GREY, BLACK };
	unsigned int n = 0, first, last;

	deps->stack[n] = start;
	followers(deps, start, &deps->next[n++], &last);
	deps->colour[start] = GREY;
	while (n) {
		unsigned int at = deps->stack[n - 1], to = deps->next[n - 1]++;

		followers(deps, at, &first, &last);
		if (to >= last) {
			deps->colour[at] = BLACK;
			n--;
		} else if (*edge(deps, at, to) && deps->colour[to] == GREY) {
			*depth = n;
			*back = to;
			return true;
		} else if (*edge(deps, at, to) && deps->colour[to] == WHITE) {
			deps->stack[n] = to;
			followers(deps, to, &deps->next[n++], &last);
			deps->colour[to] = GREY;
		}
	}
	return false;
}

/* Only what was just added can have closed a cycle. */
static bool closes_cycle(struct dependencies *deps)
{
	unsigned int i, depth, back;

	memset(deps->colour, 0, deps->channels);
	for (i = 0; i < deps->change_count; i++) {
		const struct change *change = &deps->changes[i];

		if (change->to != CARRY && !deps->colour[change->from] &&
		    search(deps, change->from, &depth, &back))
			return true;
	}
	return false;
}

static void take_back(struct dependencies *deps, unsigned int target)
{
	while (deps->change_count) {
		const struct change *change = &deps->changes[--deps->change_count];

		if (change->to == CARRY)
			*carry(deps, target, change->from) = 0;
		else
			--*edge(deps, change->from, change->to);
	}
}

static bool add(struct dependencies *deps, unsigned int node, unsigned int target,
		const struct candidate *way, bool check)
{
	struct fabric_route *route = ways(deps, node, target);
	unsigned int i = 0;

	while (i < FABRIC_CANDIDATES && route->way[i].hops)
		i++;
	if (i == FABRIC_CANDIDATES)
		return false;
	/* In place before it spreads: a failover may lead back to this node. */
	route->way[i] = *way;
	deps->change_count = 0;
	deps->failed = false;
	extend(deps, node, target, way);
	if (deps->failed || (check && closes_cycle(deps))) {
		take_back(deps, target);
		route->way[i].hops = 0;
		return false;
	}
	return true;
}

bool dependencies_add(struct dependencies *deps, unsigned int node, unsigned int target,
		      const struct candidate *way)
{
	return add(deps, node, target, way, true);
}

static void name_cycle(struct dependencies *deps, unsigned int depth, unsigned int back,
		       char *text, size_t size)
{
	unsigned int i = depth;
	size_t used = 0;

	while (deps->stack[--i] != back)
		;
	for (; i <= depth && used < size; i++) {
		unsigned int ch = i < depth ? deps->stack[i] : back;
		const struct fabric_node *node = &deps->graph->nodes[deps->owner[ch]];

		used += (size_t)snprintf(text + used, size - used, "%s%s port %u vc %u",
					 used ? " -> " : "", node->name, port_of(deps, ch),
					 vc_of(deps, ch));
	}
}

/* All candidates of the graph's tables; false: no memory */
static bool add_all(struct dependencies *deps)
{
	const struct fabric_graph *graph = deps->graph;
	unsigned int node, target, i;

	for (target = 0; target < graph->count; target++) {
		for (node = 0; node < graph->count; node++) {
			const struct fabric_route *route = &graph->nodes[node].routes[target];

			for (i = 0; node != target && i < FABRIC_CANDIDATES; i++) {
				if (route->way[i].hops &&
				    route->way[i].port < graph->nodes[node].port_count &&
				    !add(deps, node, target, &route->way[i], false))
					return false;
			}
		}
	}
	return true;
}

int dependencies_check(const struct fabric_graph *graph, char *cycle, size_t size)
{
	struct dependencies *deps = dependencies_new(graph);
	unsigned int ch, depth, back;
	int found = 0;

	if (!deps || !add_all(deps)) {
		dependencies_free(deps);
		return -1;
	}
	memset(deps->colour, 0, deps->channels);
	for (ch = 0; !found && ch < deps->channels; ch++) {
		if (deps->colour[ch] || !search(deps, ch, &depth, &back))
			continue;
		found = 1;
		name_cycle(deps, depth, back, cycle, size);
	}
	dependencies_free(deps);
	return found;
}
