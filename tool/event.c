/* SPDX-License-Identifier: MIT
 *
 * Events, for people and for programs.
 */
#include "event.h"

#include "object.h"
#include "report.h"
#include "throttle.h"

#include <string.h>
#include <sys/wait.h>

/* True: a line about trouble with the peer may be written. A flood of it must not fill the log. */
static bool may_complain(const char *peer)
{
    const char *colon = peer != NULL ? strrchr(peer, ':') : NULL;
    unsigned left_out = 0;
    char host[80];

    if (colon == NULL)
        return true;
    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - peer), peer);
    if (!throttle_allows(host, &left_out))
        return false;
    if (left_out > 0)
        report_event("%s %u lines about it were left out", host, left_out);
    return true;
}

void event_listening(const char *address)
{
    json_t *object;

    if (!report_is_json()) {
        report_event("listening on %s", address);
        return;
    }
    object = object_new("listening");
    object_text(object, "address", address);
    object_print(object, stderr);
}

void event_refused(const char *peer, const char *why)
{
    json_t *object;

    if (!may_complain(peer))
        return;
    if (!report_is_json()) {
        report_event("%s refused: %s", peer, why);
        return;
    }
    object = object_new("refused");
    object_text(object, "peer", peer);
    object_text(object, "message", why);
    object_print(object, stderr);
}

/* ---- the beginning ---- */

static void tell_opened(const char *peer, const nns_engine *e)
{
    const char *level = nns_protection_name(nns_engine_protection(e));

    if (peer != NULL)
        report_event("%s %s authenticated using %s (%s)", peer, nns_engine_peer_name(e),
                     nns_engine_mechanism(e), level);
    else
        report_event("connected to %s using %s (%s%s)", nns_engine_target(e),
                     nns_engine_mechanism(e), level, nns_engine_is_mutual(e) ? ", mutual" : "");
}

static const char not_delegated[] = "nothing was delegated: the ticket is not forwardable";

static void tell_details(const char *peer, const nns_engine *e)
{
    const char *enctype = nns_engine_enctype(e), *target = nns_engine_target(e);
    char end[32];

    if (peer != NULL && target != NULL)
        report_event("  it asked for %s", target);
    report_event("  session key of %u bits (%s), %d handshake records, record engine %s",
                 (unsigned)nns_engine_ssf(e), enctype != NULL ? enctype : "unknown type",
                 (int)nns_engine_legs(e), nns_engine_record_engine(e));
    if (report_time(end, sizeof(end), nns_engine_ticket_end(e)))
        report_event("  the ticket ends %s", end);
}

void event_opened(const struct options *o, const char *peer, const nns_engine *e)
{
    json_t *object;

    if (o->quiet)
        return;
    if (!report_is_json()) {
        tell_opened(peer, e);
        if (nns_engine_why_ntlm(e) != NULL && (peer == NULL || o->verbose))
            report_event("  not Kerberos: %s", nns_engine_why_ntlm(e));
        if (peer == NULL && nns_engine_impersonation(e) < o->impersonation)
            report_event("  %s", not_delegated);
        if (o->verbose)
            tell_details(peer, e);
        return;
    }
    object = object_new(peer != NULL ? "authenticated" : "connected");
    object_text(object, "peer", peer);
    object_negotiated(object, e);
    object_print(object, stderr);
    if (peer == NULL && nns_engine_impersonation(e) < o->impersonation)
        report_event("%s", not_delegated);
}

/* ---- the end ---- */

static void add_traffic(json_t *object, const struct traffic *t)
{
    if (t == NULL || !t->opened)
        return;
    object_number(object, "bytes_in", (int64_t)t->in);
    object_number(object, "bytes_out", (int64_t)t->out);
    if (!t->ran)
        return;
    if (WIFSIGNALED(t->wait_status))
        object_number(object, "command_signal", WTERMSIG(t->wait_status));
    else
        object_number(object, "command_status", WEXITSTATUS(t->wait_status));
}

/* A command that failed is worth a line of its own. */
static void tell_command(const char *peer, const struct traffic *t)
{
    if (t == NULL || !t->ran || t->wait_status == 0)
        return;
    if (WIFSIGNALED(t->wait_status))
        report_event("%s the command was killed by signal %d (%s)", peer, WTERMSIG(t->wait_status),
                     strsignal(WTERMSIG(t->wait_status)));
    else
        report_event("%s the command ended with status %d", peer, WEXITSTATUS(t->wait_status));
}

int event_failed(const char *peer, const nns_error *err, const struct traffic *t)
{
    json_t *object;

    if (!may_complain(peer))
        return status_of(nns_error_code(err));
    if (!report_is_json()) {
        tell_command(peer, t);
        return report_error(peer, err);
    }
    object = object_new("failed");
    object_text(object, "peer", peer);
    object_failure(object, err);
    add_traffic(object, t);
    object_print(object, stderr);
    return status_of(nns_error_code(err));
}

int event_failed_here(const char *peer, const char *what, int error, const struct traffic *t)
{
    char text[256];
    json_t *object;

    (void)snprintf(text, sizeof(text), "%s: %s", what, strerror(error));
    if (!report_is_json()) {
        tell_command(peer, t);
        if (peer != NULL)
            report_event("%s %s", peer, text);
        else
            report_line("%s", text);
        return STATUS_IO;
    }
    object = object_new("failed");
    object_text(object, "peer", peer);
    object_text(object, "phase", "data");
    object_text(object, "code", nns_result_name(NNS_ERR_IO));
    object_number(object, "exit_status", STATUS_IO);
    object_text(object, "message", text);
    object_number(object, "os_error", error);
    add_traffic(object, t);
    object_print(object, stderr);
    return STATUS_IO;
}

static int failed_text(const char *peer, int32_t phase, int code, const char *message,
                       const struct traffic *t)
{
    json_t *object;

    if (!may_complain(peer))
        return status_of(code);
    if (!report_is_json()) {
        tell_command(peer, t);
        if (peer != NULL)
            report_event("%s %s", peer, message);
        else
            report_line("%s", message);
        return status_of(code);
    }
    object = object_new("failed");
    object_text(object, "peer", peer);
    object_failure_text(object, phase, code, message);
    add_traffic(object, t);
    object_print(object, stderr);
    return status_of(code);
}

int event_failed_text(const char *peer, int code, const char *message, const struct traffic *t)
{
    int32_t phase = t != NULL && t->opened ? NNS_PHASE_DATA : NNS_PHASE_HANDSHAKE;

    return failed_text(peer, phase, code, message, t);
}

int event_failed_early(const char *peer, int32_t phase, int code, const char *message)
{
    return failed_text(peer, phase, code, message, NULL);
}

void event_ended(const struct options *o, const char *peer, const struct traffic *t)
{
    json_t *object;

    if (!report_is_json()) {
        tell_command(peer, t);
        if (o->verbose)
            report_event("%s%sended: %llu bytes in, %llu bytes out", peer != NULL ? peer : "",
                         peer != NULL ? " " : "", (unsigned long long)t->in,
                         (unsigned long long)t->out);
        return;
    }
    if (o->quiet)
        return;
    object = object_new("ended");
    object_text(object, "peer", peer);
    add_traffic(object, t);
    object_print(object, stderr);
}
