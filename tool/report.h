/* SPDX-License-Identifier: MIT
 *
 * What the command tells people: lines on standard error, whole and one at a time also from
 * several threads, and exit statuses. What a peer had a say in is escaped.
 */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include <nns/nns.h>
#include <stdbool.h>

/* Exit statuses. */
#define STATUS_DONE 0
#define STATUS_USAGE 2
#define STATUS_IO 3
#define STATUS_TIMEOUT 4
#define STATUS_PROTOCOL 5
#define STATUS_AUTH 6
#define STATUS_PEER 7
#define STATUS_LIMIT 8
#define STATUS_INTERNAL 70

/* From now on, before there are threads: every line is a JSON object, see docs/json.md. */
void report_as_json(void);
bool report_is_json(void);
/* One line, "nns: ..." */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line as it is. */
void report_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same as report_line; answers STATUS_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The error and its hint, behind who where that is not NULL; answers the exit status. */
int report_error(const char *who, const nns_error *err);
/* For a result that has no error object. */
int report_result(const char *what, int result);
int status_of(int result);
/* "identify", "impersonate", "delegate", or NULL. */
const char *impersonation_name(nns_impersonation level);
/* Seconds since 1970 as "2026-01-31T12:00:00Z". False: there is no such time, or it is 0. */
bool report_time(char *to, size_t size, int64_t seconds);

#endif
