/* SPDX-License-Identifier: MIT
 *
 * Security tokens and protected messages in outline: which mechanism, which message, the fields
 * that are in clear. Nothing is decrypted or verified, and nothing is believed: what is not well
 * formed is called so. Pure functions, bounded, without I/O, allocation or recursion.
 *
 * The same walk says what a trace may hold: `keep` is called for the bytes that give structure or
 * names, never for tickets, authenticators, responses, keys, checksums or what was protected.
 */
#ifndef TOOL_OUTLINE_H
#define TOOL_OUTLINE_H

#include "der.h"

/* Either function may be NULL. text is one printable line, without its end. */
struct outline {
    void (*line)(void *arg, unsigned depth, const char *text);
    void (*keep)(void *arg, struct span bytes);
    void *arg;
};

/* The token of a handshake record: SPNEGO, Kerberos or NTLM. */
void outline_token(const struct outline *o, unsigned depth, struct span token);
/* The payload of a HandshakeError ([MS-NNS] 2.2.1), in any of the encodings in use. */
void outline_status(const struct outline *o, unsigned depth, struct span payload);
/* What a peer of net.tcp says in clear, up to its first envelope or to what is no record. */
void outline_framing(const struct outline *o, unsigned depth, struct span s);
/* The message of a data record: only its beginning needs to be there. */
void outline_message(const struct outline *o, unsigned depth, struct span message);

/* ---- for the parts of the outline ---- */

struct text;

void outline_say(const struct outline *o, unsigned depth, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void outline_text(const struct outline *o, unsigned depth, const struct text *t);
void outline_keep(const struct outline *o, struct span bytes);
/* der_next() and der_expect(), keeping tag and length. */
bool outline_next(const struct outline *o, struct span *rest, struct der *ret);
bool outline_expect(const struct outline *o, struct span *rest, uint8_t tag, struct der *ret);

/* What follows the object identifier in a Kerberos frame, or a bare KRB_AP_ message. */
void outline_kerberos(const struct outline *o, unsigned depth, struct span token);
void outline_kerberos_bare(const struct outline *o, unsigned depth, struct span message);
/* A token that begins with NTLMSSP. */
void outline_ntlm(const struct outline *o, unsigned depth, struct span token);

#endif
