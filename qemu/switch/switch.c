// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sfab-switch: a packet switch of the fabric as a process of the host
 *
 * It is the core's router with nothing behind it, and a fibre in each port that is named.
 * Managed in band like every device. One thread, which sleeps until a fibre or a timer has
 * something to do; ends at SIGTERM, SIGINT, or when its parent is gone (--pdeathsig).
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sfab/fabric.h"
#include "sfab/fibre.h"

struct sw;

/* A port with a fibre in it. */
struct port {
	struct sw *sw;
	unsigned int number;
	struct sfab_fibre *fibre;
	struct sfab_fibre_end *end;
};

struct sw {
	struct sfab_fabric_config config;
	struct sfab_fabric *fabric;
	int wake;			/* eventfd, for &sfab_fabric_ops.wake */
	int signals;			/* signalfd */
	struct port port[SFAB_MAX_PORTS];
	char *name;
};

/* ---- what the router asks for ---- */

static void wake(void *opaque)
{
	struct sw *sw = opaque;
	uint64_t one = 1;

	/* Full means that it is readable already. */
	while (write(sw->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct sw *sw = opaque;

	(void)path;
	if (sw->port[port].end)
		sfab_fibre_ring(sw->port[port].end);
}

static uint64_t now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void port_event(void *opaque, unsigned int port)
{
	/* Managers see the port's state by datagrams, and traps tell them. */
	(void)opaque;
	(void)port;
}

static void mgmt_event(void *opaque)
{
	(void)opaque;	/* nobody reads a switch's mailbox */
}

static const struct sfab_fabric_ops fabric_ops = {
	.wake = wake,
	.ring = ring,
	.now = now,
	.port_event = port_event,
	.mgmt_event = mgmt_event,
};

/* ---- what fibres tell ---- */

static void attach(void *opaque, void *memory, unsigned int end)
{
	struct port *port = opaque;

	sfab_fabric_attach(port->sw->fabric, port->number, 0, memory, end);
}

static void report(void *opaque, const char *text)
{
	struct port *port = opaque;

	fprintf(stderr, "sfab-switch %s: port %u: %s\n", port->sw->name, port->number, text);
}

static const struct sfab_fibre_ops fibre_ops = { .attach = attach, .report = report };

/* ---- arguments ---- */

static void parse_uuid(struct argp_state *state, const char *text, uint8_t *uuid)
{
	const char *at = text;

	for (unsigned int i = 0; i < 16; i++) {
		int used = 0;

		if (*at == '-')
			at++;
		if (sscanf(at, "%2hhx%n", &uuid[i], &used) != 1 || used != 2)
			argp_error(state, "'%s' is no UUID", text);
		at += 2;
	}
	if (*at)
		argp_error(state, "'%s' is no UUID", text);
}

static unsigned int parse_number(struct argp_state *state, const char *what, const char *text,
				 unsigned int most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > most)
		argp_error(state, "%s '%s' is no number from 0 to %u", what, text, most);
	return (unsigned int)value;
}

/* PORT,NAME,server|client,PATH  or  PORT,NAME,server|client,HOST,TCPPORT */
static void parse_fibre(struct argp_state *state, struct sw *sw, const char *text)
{
	char *copy = strdup(text), *rest = copy;
	struct sfab_fibre_config config = { 0 };
	char *words[5] = { NULL }, why[256];
	unsigned int n = 0, port;

	if (!copy)
		argp_failure(state, 1, ENOMEM, "out of memory");
	while (n < 5 && (words[n] = strsep(&rest, ",")))
		n++;
	if (n < 4 || rest || (strcmp(words[2], "server") && strcmp(words[2], "client")))
		argp_error(state, "'%s' is no fibre: write PORT,NAME,server|client,PATH or PORT,NAME,server|client,HOST,TCPPORT",
			   text);
	port = parse_number(state, "port", words[0], SFAB_MAX_PORTS - 1);
	if (sw->port[port].fibre)
		argp_error(state, "port %u is used twice", port);
	config.name = words[1];
	config.server = !strcmp(words[2], "server");
	config.path = n == 4 ? words[3] : NULL;
	config.host = n == 5 ? words[3] : NULL;
	config.port = n == 5 ? words[4] : NULL;
	sw->port[port].fibre = sfab_fibre_create(&config, why, sizeof(why));
	if (!sw->port[port].fibre)
		argp_failure(state, 1, 0, "fibre '%s': %s", words[1], why);
	free(copy);
}

enum { OPT_UUID = 256, OPT_LANES, OPT_RATE, OPT_SCALE, OPT_CRC, OPT_SEED, OPT_EIDS, OPT_DEATH };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sw *sw = state->input;

	switch (key) {
	case 'n':
		sw->name = arg;
		return 0;
	case 'p':
		sw->config.ports = parse_number(state, "ports", arg, SFAB_MAX_PORTS);
		return 0;
	case 'f':
		parse_fibre(state, sw, arg);
		return 0;
	case OPT_UUID:
		parse_uuid(state, arg, sw->config.uuid);
		return 0;
	case OPT_EIDS:
		sw->config.eids = parse_number(state, "eids", arg, SFAB_MAX_EIDS);
		return 0;
	case OPT_LANES:
		sw->config.lanes = parse_number(state, "lanes", arg, 16);
		return 0;
	case OPT_RATE:
		sw->config.lane_rate = parse_number(state, "lane-rate", arg, 65535);
		return 0;
	case OPT_SCALE:
		sw->config.rate_scale = strtod(arg, NULL);
		return 0;
	case OPT_CRC:
		sw->config.crc_errors = parse_number(state, "crc-errors", arg, 1000000);
		return 0;
	case OPT_SEED:
		sw->config.seed = strtoull(arg, NULL, 0);
		return 0;
	case OPT_DEATH:
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one argument too many", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- running ---- */

/* Milliseconds until @due, rounded up; -1 for ever. */
static int pause_until(struct sw *sw, enum sfab_run next, uint64_t due)
{
	uint64_t at = now(sw);

	if (next == SFAB_RUN_IDLE)
		return -1;
	if (due <= at)
		return 0;
	return due - at > 1000000000u ? 1000 : (int)((due - at + 999999) / 1000000);
}

/* Sleep until there is something to do; false: a signal has come. */
static bool doze(struct sw *sw, struct pollfd *fds, unsigned int n, int timeout)
{
	uint64_t count;

	if (timeout && !sfab_fabric_sleep(sw->fabric, true))
		timeout = 0;
	if (poll(fds, n, timeout) < 0 && errno != EINTR) {
		perror("sfab-switch: poll");
		return false;
	}
	sfab_fabric_sleep(sw->fabric, false);
	if (fds[0].revents & POLLIN && read(sw->wake, &count, sizeof(count)) < 0)
		count = 0;
	return !(fds[1].revents & POLLIN);
}

static void run(struct sw *sw)
{
	struct pollfd fds[2 + SFAB_MAX_PORTS];
	struct port *ports[2 + SFAB_MAX_PORTS];
	unsigned int n = 2;
	enum sfab_run next = SFAB_RUN_MORE;
	uint64_t due = 0;

	sfab_fibre_hasten();
	fds[0] = (struct pollfd) { .fd = sw->wake, .events = POLLIN };
	fds[1] = (struct pollfd) { .fd = sw->signals, .events = POLLIN };
	for (unsigned int p = 0; p < sw->config.ports; p++) {
		if (!sw->port[p].end)
			continue;
		fds[n] = (struct pollfd) { .fd = sfab_fibre_fd(sw->port[p].end), .events = POLLIN };
		ports[n++] = &sw->port[p];
		sfab_fibre_service(sw->port[p].end);
	}
	do {
		bool more = next == SFAB_RUN_MORE || sfab_fabric_linger(sw->fabric, now(sw));
		int timeout = more ? 0 : pause_until(sw, next, due);

		if (!doze(sw, fds, n, timeout))
			break;
		for (unsigned int i = 2; i < n; i++) {
			if (fds[i].revents)
				sfab_fibre_service(ports[i]->end);
		}
		next = sfab_fabric_run(sw->fabric, &due);
	} while (true);
}

static int open_ports(struct sw *sw)
{
	char why[256];

	for (unsigned int p = 0; p < SFAB_MAX_PORTS; p++) {
		struct port *port = &sw->port[p];

		if (!port->fibre)
			continue;
		port->sw = sw;
		port->number = p;
		if (p >= sw->config.ports) {
			fprintf(stderr, "sfab-switch %s: there is no port %u, the switch has %u (--ports)\n",
				sw->name, p, sw->config.ports);
			return -1;
		}
		port->end = sfab_fibre_open(port->fibre, &fibre_ops, port, why, sizeof(why));
		if (!port->end) {
			fprintf(stderr, "sfab-switch %s: port %u: %s\n", sw->name, p, why);
			return -1;
		}
	}
	return 0;
}

static int start(struct sw *sw)
{
	const char *why;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sw->signals = signalfd(-1, &set, SFD_CLOEXEC);
	sw->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sw->signals < 0 || sw->wake < 0) {
		perror("sfab-switch");
		return -1;
	}
	sw->fabric = sfab_fabric_create(&sw->config, &fabric_ops, sw, &why);
	if (!sw->fabric) {
		fprintf(stderr, "sfab-switch %s: %s\n", sw->name, why);
		return -1;
	}
	return open_ports(sw);
}

static void stop(struct sw *sw)
{
	for (unsigned int p = 0; p < SFAB_MAX_PORTS; p++) {
		sfab_fibre_close(sw->port[p].end);
		sfab_fibre_destroy(sw->port[p].fibre);
	}
	sfab_fabric_destroy(sw->fabric);
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "name", 'n', "NAME", 0, "Stands in messages", 0 },
		{ "ports", 'p', "N", 0, "Ports, 1 to 64 (default: 64)", 0 },
		{ "fibre", 'f', "PORT,NAME,server|client,WHERE", 0,
		  "Put a fibre into a port; WHERE: PATH of a Unix socket, or HOST,TCPPORT", 0 },
		{ "uuid", OPT_UUID, "UUID", 0, "Identity; needed", 0 },
		{ "eids", OPT_EIDS, "N", 0, "Entries of the route table (default: 4096)", 0 },
		{ "lanes", OPT_LANES, "N", 0, "Lanes of each port (default: 8)", 0 },
		{ "lane-rate", OPT_RATE, "N", 0, "Gb/s of a lane (default: 112)", 0 },
		{ "rate-scale", OPT_SCALE, "X", 0,
		  "Fraction of the rate at which ports send; 0: as fast as they can (default)", 0 },
		{ "crc-errors", OPT_CRC, "N", 0, "Packets of a million that arrive damaged", 0 },
		{ "seed", OPT_SEED, "N", 0, "Of the damage that is drawn (default: 1)", 0 },
		{ "pdeathsig", OPT_DEATH, NULL, 0, "End with the parent process", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "A packet switch of the fabric, managed in band.",
	};
	static const uint8_t none[16];
	struct sw sw = {
		.config = { .kind = SFAB_KIND_SWITCH, .ports = SFAB_MAX_PORTS, .paths = 1,
			    .eids = 4096, .lanes = 8, .lane_rate = 112, .seed = 1 },
		.name = "switch",
	};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &sw);
	if (!memcmp(sw.config.uuid, none, sizeof(none))) {
		fprintf(stderr, "sfab-switch %s: --uuid is missing: managers tell devices apart by it\n",
			sw.name);
		return 2;
	}
	memcpy(&sw.config.serial, sw.config.uuid + 8, sizeof(sw.config.serial));
	if (getrandom(&sw.config.entropy, sizeof(sw.config.entropy), 0) < 0) {
		fprintf(stderr, "sfab-switch %s: no random number: %s\n", sw.name,
			strerror(errno));
		return 1;
	}
	ret = start(&sw);
	if (!ret) {
		printf("sfab-switch %s: %u ports\n", sw.name, sw.config.ports);
		fflush(stdout);
		run(&sw);
	}
	stop(&sw);
	return ret ? 1 : 0;
}
