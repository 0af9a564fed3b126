/* SPDX-License-Identifier: MIT */
/*
 * dom0's commands for programs outside: HTTP with JSON, over TCP (docs/http-api.md). Off unless dom0 is
 * started with api.secret=WORD; every request must carry that word. Commands are carried out one by one.
 */
#ifndef DOM0_API_API_H
#define DOM0_API_API_H

#define API_DEFAULT_PORT 8006

/* Starts it if the arguments of main() want it: api.secret=WORD, api.port=NUMBER, api.certificate=FILE
 * and api.key=FILE. Network and toolstack run.
 * 0 or an errno of <errno.h>. */
int api_start(int argc, char **argv);

#endif
