// SPDX-License-Identifier: MIT
/*
 * Break a link of the hardware's model on virtual time, let it settle, compare what the judge
 * says of both ends with what is declared; and healthy links, of which it must say nothing
 *
 *	truth [--quick]		break them, and compare
 *	truth --list		print the cases, with tabs between: fault, value, lanes, alone;
 *				cause, severity and action that end a is to see, that end b is to
 *
 * Prints TAP, and a confusion matrix. The judge sees registers alone, converted as a driver
 * and the answers in band do.
 */
#include <stdio.h>
#include <string.h>

#include "fabric_regs.h"
#include "truth.h"

#define MS		1000000ull
#define SECOND		(1000 * MS)
#define LANES		8
#define HEALTHY		200
#define CAUSES		(SFAB_HEALTH_LASERS_OFF + 1)
#define FLAP_S		4

struct pair {
	struct hardware *h;
	struct health_history history[2];
	struct sfab_finding finding[2][SFAB_LINK_CONDITIONS];
	const struct sfab_finding *main[2];
	bool alone;
	unsigned int judged, said;	/* judgements so far, and findings in all of them */
};

static unsigned int seed, number, bad;
static unsigned int confusion[CAUSES][CAUSES];

/* ---- the pair ---- */

static void judge_end(struct pair *p, unsigned int end)
{
	struct health_link link;
	struct far_answer answer;
	struct link_view view;
	unsigned int i;

	read_view(p->h, end, &view);
	health_link_of_view(&view, &link);
	if (!p->alone) {
		read_answer(p->h, !end, &answer);
		health_end_of_answer(&answer, &link.far);
	}
	p->main[end] = &p->finding[end][health_judge(&link, &health_defaults, &p->history[end],
						     p->finding[end])];
	p->judged++;
	for (i = 0; i < SFAB_LINK_CONDITIONS; i++)
		p->said += p->finding[end][i].holds == SFAB_FALSE;
}

/* So many intervals, judged at the end of each */
static void watch(struct pair *p, unsigned int intervals)
{
	while (intervals--) {
		hardware_run(p->h, SECOND);
		judge_end(p, A);
		judge_end(p, B);
	}
}

static void start(struct pair *p, bool alone)
{
	*p = (struct pair){ .h = hardware_new(seed), .alone = alone };
	watch(p, 3);
}

/* ---- faults ---- */

static void inject(struct pair *p, unsigned int end, enum sfab_inject kind, uint32_t lanes,
		   int value)
{
	unsigned int l;

	for (l = 0; l < LANES; l++) {
		if (lanes >> l & 1)
			hardware_inject(p->h, end, kind, l, value);
	}
}

static void flap(struct pair *p, int times)
{
	while (times--) {
		hardware_plug(p->h, false);
		hardware_run(p->h, 200 * MS);
		hardware_plug(p->h, true);
		watch(p, FLAP_S);
	}
}

static void break_it(struct pair *p, const struct example *e)
{
	switch (e->fault) {
	case BEND_BOTH:
		inject(p, A, SFAB_INJECT_LOSS, e->lanes, e->value);
		/* fallthrough */
	case BEND:
	case DIRT:
		inject(p, B, SFAB_INJECT_LOSS, e->lanes, e->value);
		break;
	case DIRT_AND_HEAT:
		inject(p, B, SFAB_INJECT_LOSS, e->lanes, e->value);
		inject(p, A, SFAB_INJECT_HEAT, 1, 28000);
		break;
	case DEAD:
	case HEALED:
	case REPLACED:
		inject(p, A, SFAB_INJECT_DEAD, e->lanes, 1);
		break;
	case UNLOCK:
		inject(p, B, SFAB_INJECT_UNLOCK, e->lanes, 1);
		break;
	case AGE:
		inject(p, A, SFAB_INJECT_AGE, e->lanes, e->value * 1000);
		break;
	case AGEING:
		inject(p, A, SFAB_INJECT_AGEING, e->lanes, e->value * 1000);
		break;
	case HEAT:
		inject(p, A, SFAB_INJECT_HEAT, 1, e->value);
		break;
	case RAMP:
		inject(p, A, SFAB_INJECT_RAMP, 1, e->value);
		break;
	case PULL:
		inject(p, A, SFAB_INJECT_MODULE, 1, 0);
		break;
	case HANG:
		inject(p, A, SFAB_INJECT_HANG, 1, 1);
		break;
	case STICK:
		inject(p, A, SFAB_INJECT_STICK, 1, e->value);
		hardware_switch(p->h, 1);
		break;
	case SWITCH:
		hardware_switch(p->h, 1);
		watch(p, 4);
		hardware_switch(p->h, 0);
		break;
	case CUT:
		hardware_plug(p->h, false);
		break;
	case DISABLE:
		hardware_control(p->h, A, 0);
		break;
	case LASERS_OFF:
		hardware_module(p->h, A, e->lanes << SFAB_P_MODULE_CTRL_TX_OFF_SHIFT);
		break;
	case LOW_POWER:
		hardware_module(p->h, A, SFAB_P_MODULE_CTRL_LOW_POWER);
		break;
	case FLAP:
		flap(p, e->value);
		break;
	case BLINK:
		inject(p, B, SFAB_INJECT_FLAP, 1, e->value);
		break;
	case DAMAGE:
		inject(p, A, SFAB_INJECT_DAMAGE, 1, e->value);
		inject(p, B, SFAB_INJECT_DAMAGE, 1, e->value);
		hardware_traffic(p->h);
		break;
	case NOTHING:
		break;
	}
}

/* What has a second part, or it would get worse and worse; is there one? */
static bool mend(struct pair *p, const struct example *e)
{
	switch (e->fault) {
	case HEALED:
		inject(p, A, SFAB_INJECT_DEAD, e->lanes, 0);
		return true;
	case REPLACED:
		inject(p, A, SFAB_INJECT_MODULE, 1, e->value);
		return true;
	case AGEING:
		inject(p, A, SFAB_INJECT_AGEING, e->lanes, 0);
		return true;
	case RAMP:
		inject(p, A, SFAB_INJECT_RAMP, 1, 0);
		return true;
	default:
		return false;
	}
}

/* ---- what is said of it ---- */

static void lanes_of(const struct example *e, char *text, size_t size)
{
	text[0] = 0;
	if (e->lanes)
		health_lanes_text(e->lanes, text, size);
}

static void compare(const struct pair *p, const struct example *e, unsigned int end,
		    const struct verdict *declared)
{
	const struct sfab_finding *got = p->main[end];
	bool good = got->cause == declared->cause && got->severity == declared->severity &&
		    got->action == declared->action;
	char lanes[64];

	lanes_of(e, lanes, sizeof(lanes));
	confusion[declared->cause][got->cause]++;
	bad += !good;
	printf("%sok %u - %s %d %s%s, end %c: %s, %s, %s\n", good ? "" : "not ", ++number,
	       fault_name[e->fault], e->value, lanes, e->alone ? ", alone" : "", "ab"[end],
	       sfab_health_cause_name(declared->cause), sfab_severity_name(declared->severity),
	       sfab_health_action_name(declared->action));
	if (!good)
		printf("# said: %s, %s, %s: %s\n", sfab_health_cause_name(got->cause),
		       sfab_severity_name(got->severity), sfab_health_action_name(got->action),
		       got->text);
}

static void run_example(const struct example *e)
{
	struct pair p;

	start(&p, e->alone);
	break_it(&p, e);
	watch(&p, 4);
	if (mend(&p, e))
		watch(&p, 4);
	compare(&p, e, A, &e->a);
	compare(&p, e, B, &e->b);
	hardware_free(p.h);
}

static void run_healthy(unsigned int runs)
{
	unsigned int i, judged = 0, said = 0;
	struct pair p;

	for (i = 0; i < runs; i++) {
		seed = 1000 + i;
		start(&p, i % 4 == 3);
		if (i % 2)
			hardware_traffic(p.h);
		watch(&p, 5);
		judged += p.judged;
		said += p.said;
		confusion[SFAB_HEALTH_NONE][p.main[A]->cause]++;
		confusion[SFAB_HEALTH_NONE][p.main[B]->cause]++;
		hardware_free(p.h);
	}
	bad += said != 0;
	printf("%sok %u - %u healthy links, judged %u times: %u findings\n", said ? "not " : "",
	       ++number, runs, judged, said);
}

/* ---- the matrix ---- */

static bool appears(unsigned int cause)
{
	unsigned int i;

	for (i = 0; i < CAUSES; i++) {
		if (confusion[cause][i] || confusion[i][cause])
			return true;
	}
	return false;
}

static void print_matrix(void)
{
	unsigned int d, s;

	printf("#\n# declared below, diagnosed to the right:\n# %-19s", "");
	for (s = 0; s < CAUSES; s++) {
		if (appears(s))
			printf(" %5u", s);
	}
	printf("\n");
	for (d = 0; d < CAUSES; d++) {
		if (!appears(d))
			continue;
		printf("# %2u %-16.16s", d, sfab_health_cause_name(d));
		for (s = 0; s < CAUSES; s++) {
			if (appears(s) && confusion[d][s])
				printf(" %5u", confusion[d][s]);
			else if (appears(s))
				printf(" %5s", d == s ? "0" : ".");
		}
		printf("\n");
	}
}

/* ---- for those who do the same elsewhere (guest.py) ---- */

static void print_verdict(const struct verdict *v)
{
	printf("\t%s\t%s\t%s", sfab_health_cause_name(v->cause), sfab_severity_name(v->severity),
	       sfab_health_action_name(v->action));
}

static int print_cases(void)
{
	const struct example *e;

	for (e = examples; e < examples + example_count; e++) {
		printf("%s\t%d\t%u\t%d", fault_name[e->fault], e->value, e->lanes, e->alone);
		print_verdict(&e->a);
		print_verdict(&e->b);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");
	unsigned int i, step = quick ? 3 : 1;

	if (argc > 1 && !strcmp(argv[1], "--list"))
		return print_cases();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < example_count; i += step) {
		seed = i + 1;
		run_example(&examples[i]);
	}
	run_healthy(quick ? HEALTHY / 10 : HEALTHY);
	print_matrix();
	printf("1..%u\n", number);
	return bad != 0;
}
