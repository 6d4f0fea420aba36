/* SPDX-License-Identifier: MIT
 *
 * What a stream needs of its engine beyond nns/engine.h: all that src/stream sees of the inside of
 * one. engine.c, recv.c and send.c have the bodies.
 */
#ifndef NNS_ENGINE_ENGINE_STREAM_H
#define NNS_ENGINE_ENGINE_STREAM_H

#include "base/failure.h"

#include <nns/engine.h>
#include <stdbool.h>

/* NNS_OK or FORKED. For a call that is allowed while a job is out. */
int nns__engine_owned(const nns_engine *e);
/* Publishes f unless there is an error already; answers the sticky code. Any thread; no record is
 * queued. */
int nns__engine_fail_text(nns_engine *e, const struct nns__failure *f);
/* Runs a job that has nobody to wait for, on this thread. False: it must be run as any other. */
bool nns__job_run_at_once(nns_job *job);
/* The phase that errors are reported in before OPEN: CONNECT, or HANDSHAKE (from the start). */
void nns__engine_set_phase(nns_engine *e, int32_t phase);
/* The two parts of nns_engine_trim(), each on the thread of its half. */
void nns__recv_trim(nns_engine *e);
void nns__send_trim(nns_engine *e);

#endif
