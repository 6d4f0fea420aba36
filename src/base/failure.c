/* SPDX-License-Identifier: MIT
 *
 * Building errors and reading them. Packing an error cannot fail: where there is no memory for
 * its text, a static object with the right code takes its place.
 */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nns_error {
    int code;
    int os;
    int32_t phase;
    uint32_t major;
    uint32_t minor;
    uint32_t peer_status;
    size_t size; /* of the block, 0: static */
    const char *message;
    const char *hint;      /* or NULL */
    const char *mech_text; /* or NULL */
};

static const nns_error without_text[] = {
#define ROW(name, value, cls, text) {.code = value, .message = text},
    NNS_RESULT_MAP(ROW)
#undef ROW
};

static const nns_error *static_error(int code)
{
    for (size_t i = 0; i < sizeof(without_text) / sizeof(without_text[0]); i++) {
        if (without_text[i].code == code)
            return &without_text[i];
    }
    return &without_text[sizeof(without_text) / sizeof(without_text[0]) - 1]; /* INTERNAL is last */
}

static void clean_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

int nns__fail(struct nns__failure *f, int code, uint32_t tell_peer, const char *format, ...)
{
    va_list args;

    *f = (struct nns__failure){.code = code, .tell_peer = tell_peer};
    va_start(args, format);
    (void)vsnprintf(f->message, sizeof(f->message), format, args);
    va_end(args);
    clean_line(f->message);
    return code;
}

void nns__failure_hint(struct nns__failure *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(f->hint, sizeof(f->hint), format, args);
    va_end(args);
    clean_line(f->hint);
}

/* Copies text behind *at and moves *at past it; NULL for an empty text. */
static const char *append(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *here = *at;

    if (size == 1)
        return NULL;
    memcpy(here, text, size);
    *at += size;
    return here;
}

static size_t packed_size(const char *message, const char *hint, const char *mech_text)
{
    return sizeof(nns_error) + strlen(message) + strlen(hint) + strlen(mech_text) + 3;
}

const nns_error *nns__error_pack(const struct nns__mem *mem, const struct nns__failure *f,
                                 int32_t phase)
{
    const char *message = f->message[0] != '\0' ? f->message : nns_strerror(f->code);
    size_t size = packed_size(message, f->hint, f->mech_text);
    nns_error *err = nns__alloc(mem, size);
    char *at;

    if (err == NULL)
        return static_error(f->code);
    at = (char *)(err + 1);
    err->code = f->code < 0 ? f->code : NNS_ERR_INTERNAL; /* a failure is never a success */
    err->os = f->os;
    err->phase = phase;
    err->major = f->major;
    err->minor = f->minor;
    err->peer_status = f->peer_status;
    err->size = size;
    err->message = append(&at, message);
    err->hint = append(&at, f->hint);
    err->mech_text = append(&at, f->mech_text);
    return err;
}

/* The one place where a packed error loses its const: it was allocated by us. */
static void *unconst(const nns_error *err)
{
    union {
        const nns_error *in;
        void *out;
    } view = {.in = err};

    return view.out;
}

void nns__error_free(const struct nns__mem *mem, const nns_error *err)
{
    if (err != NULL && err->size != 0)
        nns__free(mem, unconst(err), err->size);
}

int nns_error_copy(nns_error **ret, const nns_error *err)
{
    struct nns__mem mem;
    nns_error *copy;
    size_t size;
    char *at;

    if (ret == NULL || err == NULL)
        return NNS_ERR_ARGUMENT;
    (void)nns__mem_init(&mem, NULL);
    size = packed_size(err->message, err->hint != NULL ? err->hint : "",
                       err->mech_text != NULL ? err->mech_text : "");
    copy = nns__alloc(&mem, size);
    if (copy == NULL)
        return NNS_ERR_NOMEM;
    *copy = *err;
    at = (char *)(copy + 1);
    copy->size = size;
    copy->message = append(&at, err->message);
    copy->hint = err->hint != NULL ? append(&at, err->hint) : NULL;
    copy->mech_text = err->mech_text != NULL ? append(&at, err->mech_text) : NULL;
    *ret = copy;
    return NNS_OK;
}

void nns_error_free(nns_error *err)
{
    struct nns__mem mem;

    (void)nns__mem_init(&mem, NULL);
    nns__error_free(&mem, err);
}

int nns_error_code(const nns_error *err)
{
    return err != NULL ? err->code : NNS_OK;
}

int32_t nns_error_phase(const nns_error *err)
{
    return err != NULL ? err->phase : NNS_PHASE_NONE;
}

const char *nns_error_message(const nns_error *err)
{
    return err != NULL ? err->message : "";
}

const char *nns_error_hint(const nns_error *err)
{
    return err != NULL ? err->hint : NULL;
}

uint32_t nns_error_mech_major(const nns_error *err)
{
    return err != NULL ? err->major : 0;
}

uint32_t nns_error_mech_minor(const nns_error *err)
{
    return err != NULL ? err->minor : 0;
}

const char *nns_error_mech_text(const nns_error *err)
{
    return err != NULL ? err->mech_text : NULL;
}

uint32_t nns_error_peer_status(const nns_error *err)
{
    return err != NULL ? err->peer_status : 0;
}

const char *nns_error_peer_status_name(const nns_error *err)
{
    return err != NULL ? nns_status_name(err->peer_status) : NULL;
}

int nns_error_os(const nns_error *err)
{
    return err != NULL ? err->os : 0;
}
