/* SPDX-License-Identifier: MIT
 *
 * libnns: the .NET NegotiateStream protocol ([MS-NNS]) for programs that are not .NET. This
 * header includes all others but nns/gss.h, which needs the headers of GSSAPI, and nns/nmf.h, which
 * is of a library of its own.
 */
#ifndef NNS_NNS_H
#define NNS_NNS_H

#include <nns/config.h>
#include <nns/engine.h>
#include <nns/gate.h>
#include <nns/result.h>
#include <nns/stream.h>
#include <nns/version.h>

#endif
