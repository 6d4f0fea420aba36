/* SPDX-License-Identifier: MIT
 *
 * JSON objects.
 */
#include "object.h"

#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *object_new(const char *event)
{
    json_t *object = json_object();

    object_text(object, "event", event);
    return object;
}

/* Every byte beyond ASCII as \xNN. */
static json_t *escaped(const char *text)
{
    size_t room = strlen(text) * 4 + 1, at = 0;
    char *copy = malloc(room);
    json_t *string;

    if (copy == NULL)
        return NULL;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x80)
            copy[at++] = *text;
        else
            at += (size_t)snprintf(copy + at, room - at, "\\x%02x", (unsigned char)*text);
    }
    string = json_stringn(copy, at);
    free(copy);
    return string;
}

void object_text(json_t *object, const char *name, const char *text)
{
    json_t *string;

    if (text == NULL)
        return;
    string = json_string(text);
    (void)json_object_set_new(object, name, string != NULL ? string : escaped(text));
}

void object_number(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

void object_time(json_t *object, const char *name, int64_t seconds)
{
    char text[32];

    if (report_time(text, sizeof(text), seconds))
        object_text(object, name, text);
}

void object_negotiated(json_t *object, const nns_engine *e)
{
    object_text(object, "name", nns_engine_peer_name(e));
    object_text(object, "target", nns_engine_target(e));
    object_text(object, "mechanism", nns_engine_mechanism(e));
    object_text(object, "why_ntlm", nns_engine_why_ntlm(e));
    object_text(object, "protection", nns_protection_name(nns_engine_protection(e)));
    object_text(object, "impersonation", impersonation_name(nns_engine_impersonation(e)));
    (void)json_object_set_new(object, "mutual", json_boolean(nns_engine_is_mutual(e)));
    object_number(object, "ssf", nns_engine_ssf(e));
    object_text(object, "enctype", nns_engine_enctype(e));
    object_text(object, "record_engine", nns_engine_record_engine(e));
    object_time(object, "ticket_end", nns_engine_ticket_end(e));
    object_number(object, "handshake_records", nns_engine_legs(e));
}

static const char *phase_name(int32_t phase)
{
    switch (phase) {
    case NNS_PHASE_CONNECT:
        return "connect";
    case NNS_PHASE_HANDSHAKE:
        return "handshake";
    case NNS_PHASE_DATA:
        return "data";
    case NNS_PHASE_CLOSE:
        return "close";
    default:
        return NULL;
    }
}

static void add_mechanism_error(json_t *object, const nns_error *err)
{
    if (nns_error_mech_major(err) == 0)
        return;
    object_number(object, "mech_major", nns_error_mech_major(err));
    object_number(object, "mech_minor", nns_error_mech_minor(err));
    object_text(object, "mech_text", nns_error_mech_text(err));
}

static void add_peer_status(json_t *object, const nns_error *err)
{
    char hex[16];

    if (nns_error_peer_status(err) == 0)
        return;
    (void)snprintf(hex, sizeof(hex), "0x%08x", (unsigned)nns_error_peer_status(err));
    object_text(object, "peer_status", hex);
    object_text(object, "peer_status_name", nns_error_peer_status_name(err));
}

void object_failure_text(json_t *object, int32_t phase, int code, const char *message)
{
    object_text(object, "phase", phase_name(phase));
    object_text(object, "code", nns_result_name(code));
    object_number(object, "exit_status", status_of(code));
    object_text(object, "message", message);
}

void object_failure(json_t *object, const nns_error *err)
{
    object_failure_text(object, nns_error_phase(err), nns_error_code(err), nns_error_message(err));
    object_text(object, "hint", nns_error_hint(err));
    add_mechanism_error(object, err);
    add_peer_status(object, err);
    if (nns_error_os(err) != 0)
        object_number(object, "os_error", nns_error_os(err));
}

void object_print(json_t *object, FILE *to)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    size_t length = text != NULL ? strlen(text) : 0;

    if (text != NULL) {
        text[length] = '\n'; /* in the place of the NUL: the line goes out in one piece */
        (void)fwrite(text, 1, length + 1, to);
    }
    free(text);
    json_decref(object);
}
