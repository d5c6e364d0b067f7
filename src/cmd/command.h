/* SPDX-License-Identifier: MIT */
/* command.h: the subcommands of `rung`. Each gets its own name as arguments[0], and gives back the exit status. */
#ifndef RUNG_CMD_COMMAND_H
#define RUNG_CMD_COMMAND_H

int command_check(int count, char **arguments);
int command_trace(int count, char **arguments);

#endif
