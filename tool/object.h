/* SPDX-License-Identifier: MIT
 *
 * JSON objects for --json, one a line, through jansson. docs/json.md names the members. What is
 * not known is left out. No memory is never an error here: the member, or the line, is missing.
 */
#ifndef TOOL_OBJECT_H
#define TOOL_OBJECT_H

#include <jansson.h>
#include <nns/nns.h>
#include <stdio.h>

/* A new object with the member "event"; the caller's until object_print(). */
json_t *object_new(const char *event);
/* NULL is left out. Bytes that are not UTF-8 become \xNN. */
void object_text(json_t *object, const char *name, const char *text);
void object_number(json_t *object, const char *name, int64_t value);
/* Seconds since 1970 as "2026-01-31T12:00:00Z"; 0 is left out. */
void object_time(json_t *object, const char *name, int64_t seconds);
/* What was negotiated. */
void object_negotiated(json_t *object, const nns_engine *e);
/* What went wrong. */
void object_failure(json_t *object, const nns_error *err);
/* The same where there is no error object. */
void object_failure_text(json_t *object, int32_t phase, int code, const char *message);
/* Prints one line in one piece and frees the object. */
void object_print(json_t *object, FILE *to);

#endif
