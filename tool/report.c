/* SPDX-License-Identifier: MIT
 *
 * Lines for people, and exit statuses.
 */
#include "report.h"

#include "object.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MOST 1024

static bool as_json; /* set before there are threads */

void report_as_json(void)
{
    json_object_seed(0); /* it would be done by the first object otherwise, in some thread */
    as_json = true;
}

bool report_is_json(void)
{
    return as_json;
}

/* Writes text to standard error as one line: bytes that could steer a terminal become \xNN. */
static void put_line(const char *prefix, const char *text)
{
    char line[LINE_MOST * 4 + 64];
    size_t at = (size_t)snprintf(line, sizeof(line), "%s", prefix);

    for (; *text != '\0' && at < sizeof(line) - 8; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0))
            at += (size_t)snprintf(line + at, sizeof(line) - at, "\\x%02x", c);
        else
            line[at++] = (char)c;
    }
    line[at++] = '\n';
    (void)fwrite(line, 1, at, stderr);
}

/* A line that has no members of its own. */
static void put_object(const char *event, const char *text)
{
    json_t *object = object_new(event);

    object_text(object, "message", text);
    object_print(object, stderr);
}

static void put_format(const char *prefix, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void put_format(const char *prefix, const char *format, va_list args)
{
    char text[LINE_MOST];

    (void)vsnprintf(text, sizeof(text), format, args);
    if (as_json)
        put_object(*prefix != '\0' ? "error" : "note", text);
    else
        put_line(prefix, text);
}

void report_line(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format("nns: ", format, args);
    va_end(args);
}

void report_event(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format("", format, args);
    va_end(args);
}

int report_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_format("nns: ", format, args);
    va_end(args);
    return STATUS_USAGE;
}

int status_of(int result)
{
    switch (nns_result_class(result)) {
    case NNS_CLASS_NONE:
        return STATUS_DONE;
    case NNS_CLASS_USAGE:
        return STATUS_USAGE;
    case NNS_CLASS_IO:
        return STATUS_IO;
    case NNS_CLASS_TIMEOUT:
        return STATUS_TIMEOUT;
    case NNS_CLASS_PROTOCOL:
        return STATUS_PROTOCOL;
    case NNS_CLASS_AUTH:
        return STATUS_AUTH;
    case NNS_CLASS_PEER:
        return STATUS_PEER;
    case NNS_CLASS_LIMIT:
        return STATUS_LIMIT;
    default:
        return STATUS_INTERNAL;
    }
}

int report_error(const char *who, const nns_error *err)
{
    const char *hint = nns_error_hint(err);

    if (who != NULL)
        report_event("%s %s", who, nns_error_message(err));
    else
        report_line("%s", nns_error_message(err));
    if (hint != NULL)
        report_event("  hint: %s", hint);
    return status_of(nns_error_code(err));
}

int report_result(const char *what, int result)
{
    report_line("%s: %s", what, nns_strerror(result));
    return status_of(result);
}

const char *impersonation_name(nns_impersonation level)
{
    switch (level) {
    case NNS_IDENTIFY:
        return "identify";
    case NNS_IMPERSONATE:
        return "impersonate";
    case NNS_DELEGATE:
        return "delegate";
    default:
        return NULL;
    }
}

bool report_time(char *to, size_t size, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm tm;

    return seconds != 0 && gmtime_r(&when, &tm) != NULL &&
           strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}
