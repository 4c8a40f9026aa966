// SPDX-License-Identifier: MIT
/*
 * sfab: the accelerators of a node, for those who operate them
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sfab/sfab.h>

#include "tool.h"

static const struct command commands[] = {
	{ "list", "list the accelerators of this node", list_main },
	{ "info", "tell everything about accelerators", info_main },
	{ "port", "tell the state and counters of fabric ports", port_main },
	{ "copy", "copy a file through accelerators, verified", copy_main },
	{ "demo", "send a file through every pair of accelerators", demo_main },
	{ "bench", "measure copies, latencies, and the way to exported memory", bench_main },
	{ "export", "let other accelerators reach memory of one", export_main },
	{ "stream", "write to exported memory without pause, watch the way", stream_main },
	{ "fabric", "see and program the fabric: devices, links, routes", fabric_main },
	{ "link", "see and control the optical links of this node", link_main },
	{ "health", "tell what is wrong with links and accelerators, and what to do", health_main },
};

/* The command that the user chose, and where it stands in argv */
struct choice {
	const struct command *command;
	int index;
};

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static char *help_filter(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t size, i;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&help, &size);
	if (!out)
		return (char *)text;
	fprintf(out, "Commands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-6s  %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'sfab COMMAND --help' tells the options of a command, sfab(1) the rest.");
	fclose(out);
	return help;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		choice->command = find_command(arg);
		if (!choice->command)
			argp_error(state, "'%s' is no command: see 'sfab --help' for the list",
				   arg);
		/* The rest of the line is the command's */
		choice->index = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a command is missing: see 'sfab --help' for the list");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fprintf(out, "sfab %d.%d.%d (libsfab %s)\n", SFAB_VERSION_MAJOR, SFAB_VERSION_MINOR,
		SFAB_VERSION_PATCH, sfab_version());
}

static int run(const struct command *command, int argc, char **argv)
{
	static char name[32];

	snprintf(name, sizeof(name), "sfab %s", command->name);
	program_invocation_name = name;
	argv[0] = name;
	return command->run(argc, argv);
}

/* Here, as argp ends the program itself after what was asked for by --help and the like */
static void check_output(int status, void *unused)
{
	(void)unused;
	if (output_flush() && !status)
		_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Operate the accelerators of this node.\v",
		.help_filter = help_filter,
	};
	struct choice choice = { 0 };

	argp_err_exit_status = EXIT_USAGE;
	argp_program_version_hook = print_version;
	program_invocation_name = (char *)"sfab";
	output_occupy();
	on_exit(check_output, NULL);
	argv[0] = program_invocation_name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	return run(choice.command, argc - choice.index, argv + choice.index);
}
