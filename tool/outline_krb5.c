/* SPDX-License-Identifier: MIT
 *
 * Kerberos: the AP exchange and errors (RFC 4120 5.5, 5.9.1) in the frame of RFC 4121 4.1, as far
 * as it is in clear.
 */
#include "outline.h"

#include "text.h"

#include <string.h>

#define AP_REQ 14
#define AP_REP 15
#define KRB_ERROR 30

struct name {
    int64_t value;
    const char *name;
};

static const struct name etypes[] = {
    {1, "des-cbc-crc"},
    {3, "des-cbc-md5"},
    {16, "des3-cbc-sha1"},
    {17, "aes128-cts-hmac-sha1-96"},
    {18, "aes256-cts-hmac-sha1-96"},
    {19, "aes128-cts-hmac-sha256-128"},
    {20, "aes256-cts-hmac-sha384-192"},
    {23, "arcfour-hmac"},
    {24, "arcfour-hmac-exp"},
    {0, NULL},
};

static const struct name errors[] = {
    {6, "KDC_ERR_C_PRINCIPAL_UNKNOWN"},
    {7, "KDC_ERR_S_PRINCIPAL_UNKNOWN"},
    {14, "KDC_ERR_ETYPE_NOSUPP"},
    {24, "KDC_ERR_PREAUTH_FAILED"},
    {31, "KRB_AP_ERR_BAD_INTEGRITY"},
    {32, "KRB_AP_ERR_TKT_EXPIRED"},
    {33, "KRB_AP_ERR_TKT_NYV"},
    {34, "KRB_AP_ERR_REPEAT"},
    {35, "KRB_AP_ERR_NOT_US"},
    {36, "KRB_AP_ERR_BADMATCH"},
    {37, "KRB_AP_ERR_SKEW"},
    {39, "KRB_AP_ERR_BADVERSION"},
    {40, "KRB_AP_ERR_MSG_TYPE"},
    {41, "KRB_AP_ERR_MODIFIED"},
    {44, "KRB_AP_ERR_BADKEYVER"},
    {45, "KRB_AP_ERR_NOKEY"},
    {46, "KRB_AP_ERR_MUT_FAIL"},
    {60, "KRB_ERR_GENERIC"},
    {0, NULL},
};

static const char *name_of(const struct name *names, int64_t value)
{
    while (names->name != NULL && names->value != value)
        names++;
    return names->name;
}

/* ---- parts ---- */

/* The INTEGER that body is. */
static bool integer(const struct outline *o, struct span body, int64_t *ret)
{
    struct der number;

    if (!outline_expect(o, &body, DER_INTEGER, &number) || number.body.size > 8)
        return false;
    outline_keep(o, number.body);
    return der_number(number.body, ret);
}

/* The string that body is, whatever its tag says about characters. */
static void string(const struct outline *o, struct text *t, struct span body)
{
    struct der s;

    if (outline_next(o, &body, &s)) {
        outline_keep(o, s.body);
        text_escape(t, s.body);
    } else {
        text_add(t, "malformed");
    }
}

/* PrincipalName (RFC 4120 5.2.2): its components with '/' between them. */
static void principal(const struct outline *o, struct text *t, struct span body)
{
    struct der sequence, type, names, list, name;
    const char *between = "";
    int64_t kind;

    if (!outline_expect(o, &body, DER_SEQUENCE, &sequence) ||
        !outline_expect(o, &sequence.body, DER_CONTEXT(0), &type) ||
        !integer(o, type.body, &kind) ||
        !outline_expect(o, &sequence.body, DER_CONTEXT(1), &names) ||
        !outline_expect(o, &names.body, DER_SEQUENCE, &list)) {
        text_add(t, "malformed");
        return;
    }
    while (outline_next(o, &list.body, &name)) {
        outline_keep(o, name.body);
        text_add(t, "%s", between);
        text_escape(t, name.body);
        between = "/";
    }
    if (list.body.size > 0)
        text_add(t, "%smalformed", between);
}

static void add_etype(struct text *t, int64_t number)
{
    const char *name = name_of(etypes, number);

    if (name != NULL)
        text_add(t, " %s", name);
    else
        text_add(t, " etype %lld", (long long)number);
}

/* EncryptedData (RFC 4120 5.2.9): type, key version and size; the contents stay closed. */
static void encrypted(const struct outline *o, struct text *t, struct span body)
{
    struct der sequence, field, cipher;
    int64_t number;

    if (!outline_expect(o, &body, DER_SEQUENCE, &sequence)) {
        text_add(t, " malformed");
        return;
    }
    while (outline_next(o, &sequence.body, &field)) {
        if (field.tag == DER_CONTEXT(0) && integer(o, field.body, &number)) {
            add_etype(t, number);
        } else if (field.tag == DER_CONTEXT(1) && integer(o, field.body, &number)) {
            text_add(t, ", kvno %lld", (long long)number);
        } else if (field.tag == DER_CONTEXT(2) &&
                   outline_expect(o, &field.body, DER_OCTET_STRING, &cipher)) {
            text_add(t, ", %zu bytes", cipher.body.size);
        } else {
            text_add(t, ", malformed");
        }
    }
    if (sequence.body.size > 0)
        text_add(t, ", malformed");
}

static void encrypted_line(const struct outline *o, unsigned depth, const char *what,
                           struct span body)
{
    struct text t = {0};

    text_add(&t, "%s:", what);
    encrypted(o, &t, body);
    outline_text(o, depth, &t);
}

static void ticket(const struct outline *o, unsigned depth, struct span body)
{
    struct text t = {0}, realm = {0};
    struct der application, sequence, field;
    int64_t version;

    text_add(&t, "ticket for ");
    if (!outline_expect(o, &body, DER_APPLICATION(1), &application) ||
        !outline_expect(o, &application.body, DER_SEQUENCE, &sequence)) {
        outline_say(o, depth, "ticket: malformed");
        return;
    }
    while (outline_next(o, &sequence.body, &field)) {
        if (field.tag == DER_CONTEXT(0)) {
            (void)integer(o, field.body, &version);
        } else if (field.tag == DER_CONTEXT(1)) {
            string(o, &realm, field.body);
        } else if (field.tag == DER_CONTEXT(2)) {
            principal(o, &t, field.body);
            text_add(&t, "@%s", realm.bytes);
        } else if (field.tag == DER_CONTEXT(3)) {
            text_add(&t, ":");
            encrypted(o, &t, field.body);
        }
    }
    if (sequence.body.size > 0)
        text_add(&t, ", malformed");
    outline_text(o, depth, &t);
}

/* ---- messages ---- */

static void ap_options(const struct outline *o, unsigned depth, struct span body)
{
    struct der bits;
    uint8_t first;

    if (!outline_expect(o, &body, DER_BIT_STRING, &bits) || bits.body.size != 5) {
        outline_say(o, depth, "ap-options: malformed");
        return;
    }
    outline_keep(o, bits.body);
    if (!span_is_known(bits.body))
        return;
    first = bits.body.bytes[1];
    outline_say(o, depth, "ap-options:%s%s%s", (first & 0x40) != 0 ? " use-session-key" : "",
                (first & 0x20) != 0 ? " mutual-required" : "", (first & 0x60) == 0 ? " none" : "");
}

static void ap_req_field(const struct outline *o, unsigned depth, const struct der *field)
{
    int64_t number;

    if (field->tag == DER_CONTEXT(2))
        ap_options(o, depth, field->body);
    else if (field->tag == DER_CONTEXT(3))
        ticket(o, depth, field->body);
    else if (field->tag == DER_CONTEXT(4))
        encrypted_line(o, depth, "authenticator", field->body);
    else if (!integer(o, field->body, &number)) /* pvno, msg-type */
        outline_say(o, depth, "unknown field %02x", field->tag);
}

static void ap_rep_field(const struct outline *o, unsigned depth, const struct der *field)
{
    int64_t number;

    if (field->tag == DER_CONTEXT(2))
        encrypted_line(o, depth, "enc-part", field->body);
    else if (!integer(o, field->body, &number)) /* pvno, msg-type */
        outline_say(o, depth, "unknown field %02x", field->tag);
}

static void error_code(const struct outline *o, unsigned depth, struct span body)
{
    const char *name;
    int64_t code;

    if (!integer(o, body, &code)) {
        outline_say(o, depth, "error-code: malformed");
        return;
    }
    name = name_of(errors, code);
    outline_say(o, depth, "error-code: %lld%s%s", (long long)code, name != NULL ? " " : "",
                name != NULL ? name : "");
}

static void error_string(const struct outline *o, unsigned depth, const char *what,
                         struct span body)
{
    struct text t = {0};

    text_add(&t, "%s: ", what);
    string(o, &t, body);
    outline_text(o, depth, &t);
}

static void error_principal(const struct outline *o, unsigned depth, const char *what,
                            struct span body)
{
    struct text t = {0};

    text_add(&t, "%s: ", what);
    principal(o, &t, body);
    outline_text(o, depth, &t);
}

static void error_field(const struct outline *o, unsigned depth, const struct der *field)
{
    static const char *const names[] = {"pvno",  "msg-type",   "ctime",  "cusec", "stime",
                                        "susec", "error-code", "crealm", "cname", "realm",
                                        "sname", "e-text",     "e-data"};
    unsigned number = field->tag - DER_CONTEXT(0);
    int64_t ignored;

    switch (number) {
    case 6:
        error_code(o, depth, field->body);
        break;
    case 2:
    case 4:
    case 7:
    case 9:
    case 11:
        error_string(o, depth, names[number], field->body);
        break;
    case 8:
    case 10:
        error_principal(o, depth, names[number], field->body);
        break;
    case 12:
        outline_say(o, depth, "%s, %zu bytes", names[number], field->body.size);
        break;
    default:
        if (number > 5 || !integer(o, field->body, &ignored))
            outline_say(o, depth, "unknown field %02x", field->tag);
    }
}

void outline_kerberos_bare(const struct outline *o, unsigned depth, struct span message)
{
    static const struct {
        const char *name;
        void (*field)(const struct outline *o, unsigned depth, const struct der *field);
        uint8_t tag;
    } messages[] = {{"AP-REQ", ap_req_field, DER_APPLICATION(AP_REQ)},
                    {"AP-REP", ap_rep_field, DER_APPLICATION(AP_REP)},
                    {"KRB-ERROR", error_field, DER_APPLICATION(KRB_ERROR)}};
    struct der application, sequence, field;
    size_t i = 0;

    while (i < 2 && message.size > 0 && message.bytes[0] != messages[i].tag)
        i++;
    if (!outline_expect(o, &message, messages[i].tag, &application) ||
        !outline_expect(o, &application.body, DER_SEQUENCE, &sequence)) {
        outline_say(o, depth, "Kerberos, malformed");
        return;
    }
    outline_say(o, depth, "Kerberos %s", messages[i].name);
    while (outline_next(o, &sequence.body, &field))
        messages[i].field(o, depth + 1, &field);
    if (sequence.body.size > 0)
        outline_say(o, depth + 1, "malformed");
    if (message.size > 0)
        outline_say(o, depth, "%zu more bytes", message.size);
}

void outline_kerberos(const struct outline *o, unsigned depth, struct span token)
{
    struct span id = span_first(token, 2);

    if (token.size < 2 || !span_is_known(id) || id.bytes[1] != 0 || id.bytes[0] < 1 ||
        id.bytes[0] > 3) {
        outline_say(o, depth, "Kerberos token of no known kind, %zu bytes", token.size);
        return;
    }
    outline_keep(o, id);
    outline_kerberos_bare(o, depth, span_from(token, 2));
}
