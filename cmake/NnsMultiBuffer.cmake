# SPDX-License-Identifier: MIT
#
# The Intel multi-buffer library (libipsec-mb), for batches of records. NNS_IPSEC_MB is what to link,
# NNS_IPSEC_MB_DEFINITIONS what our sources are compiled with: both empty without it. It is of
# x86-64 alone and has no pkg-config file. Bursts of HMAC came with 1.3.
include(CheckCSourceCompiles)

set(NNS_WITH_IPSEC_MB AUTO CACHE STRING "Batches of records by libipsec-mb: AUTO (if found), ON, OFF")
set_property(CACHE NNS_WITH_IPSEC_MB PROPERTY STRINGS AUTO ON OFF)

set(NNS_IPSEC_MB)
set(NNS_IPSEC_MB_DEFINITIONS)
if(NNS_WITH_IPSEC_MB)
  set(CMAKE_REQUIRED_LIBRARIES IPSec_MB)
  check_c_source_compiles("
    #include <intel-ipsec-mb.h>
    #if !defined(__x86_64__) || IMB_VERSION_NUM < IMB_VERSION(1, 3, 0)
    #error not this one
    #endif
    int main(void) { return imb_get_feature_flags() == 0; }" NNS_IPSEC_MB_FOUND)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NNS_IPSEC_MB_FOUND)
    set(NNS_IPSEC_MB IPSec_MB)
    set(NNS_IPSEC_MB_DEFINITIONS NNS_HAVE_IPSEC_MB)
  elseif(NOT NNS_WITH_IPSEC_MB STREQUAL "AUTO")
    unset(NNS_IPSEC_MB_FOUND CACHE)
    message(FATAL_ERROR "NNS_WITH_IPSEC_MB: there is no libipsec-mb 1.3 or newer")
  endif()
endif()
