/* SPDX-License-Identifier: MIT */
/* rung.c: the command. A subcommand is a line in the table, and a file. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "cmd/command.h"

static const struct command {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *says;
} commands[] = {
    { "check", command_check, "which functions of an ELF file keep the frame chain" },
    { "trace", command_trace, "records, rescues, cuts, sums up and converts execution traces" },
};

static void usage(FILE *out)
{
    fprintf(out, "rung COMMAND [OPTION]... [ARGUMENT]...\n");
    for (size_t i = 0; i < array_length(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].says);
    fprintf(out, "rung COMMAND --help says more.\n");
}

int main(int count, char **arguments)
{
    if (count >= 2 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "help") == 0)) {
        usage(stdout);
        return 0;
    }
    if (count >= 2 && strcmp(arguments[1], "--version") == 0) {
        puts("rung " RUNG_VERSION);
        return 0;
    }
    for (size_t i = 0; count >= 2 && i < array_length(commands); i++)
        if (strcmp(arguments[1], commands[i].name) == 0)
            return commands[i].run(count - 1, arguments + 1);
    if (count >= 2)
        fprintf(stderr, "rung: no such command: %s\n", arguments[1]);
    usage(stderr);
    return 2;
}
