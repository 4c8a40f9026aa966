/* SPDX-License-Identifier: MIT */
/*
 * What the commands of sfab share
 *
 * Whoever notices a failure tells the user with complain(), which names object,
 * cause and remedy; functions then return -1 up to the command, which returns
 * EXIT_FAILURE.  Nothing is told twice.
 */
#ifndef SFAB_TOOL_H
#define SFAB_TOOL_H

#include <stdint.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define EXIT_USAGE	2	/* beside EXIT_SUCCESS and EXIT_FAILURE */

/** struct command - a word that may follow "sfab" */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);	/* returns the exit status */
};

int list_main(int argc, char **argv);
int info_main(int argc, char **argv);
int port_main(int argc, char **argv);
int copy_main(int argc, char **argv);
int demo_main(int argc, char **argv);
int bench_main(int argc, char **argv);
int export_main(int argc, char **argv);
int stream_main(int argc, char **argv);
int fabric_main(int argc, char **argv);
int link_main(int argc, char **argv);
int health_main(int argc, char **argv);

/* options that several commands have, as entries of struct argp_option */
#define OPTION_JSON	{ "json", 'j', NULL, 0, "Print JSON", 0 }
#define OPTION_QUIET	{ "quiet", 'q', NULL, 0, "Show no progress", 0 }

/** output_occupy() - open what is closed of the standard files, before all else */
void output_occupy(void);

/** output_push() - write what was printed so far; a failure is told by output_flush() */
void output_push(void);

/** output_flush() - the same; -1 if that, or printing before, has failed, which is told once */
int output_flush(void);

/** complain() - print "sfab COMMAND: text" to standard error; returns -1 */
__attribute__((format(printf, 1, 2)))
int complain(const char *fmt, ...);

/** complain_file() - complain of a system call on a file, with a remedy */
int complain_file(const char *verb, const char *path, int err);

/** complain_library() - complain with the words of sfab_last_error() */
int complain_library(void);

#endif
