# SPDX-License-Identifier: MIT
#
# The target nns_flags: the warnings and the hardening that every part of the project is built
# with. Only our own targets link it; users of the library get none of it.
include(CheckCCompilerFlag)

add_library(nns_flags INTERFACE)

set(warnings
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wcast-align
  -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings
  -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND warnings -Wlogical-op -Wduplicated-cond)
endif()
if(NNS_WERROR)
  list(APPEND warnings -Werror)
endif()
target_compile_options(nns_flags INTERFACE ${warnings})
target_compile_definitions(nns_flags INTERFACE _GNU_SOURCE)

if(NNS_SANITIZE)
  target_compile_options(nns_flags INTERFACE
    -fsanitize=${NNS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(nns_flags INTERFACE -fsanitize=${NNS_SANITIZE})
else()
  # _FORTIFY_SOURCE needs an optimising build and does not go with the sanitizers.
  set(optimised $<OR:$<CONFIG:Release>,$<CONFIG:RelWithDebInfo>,$<CONFIG:MinSizeRel>>)
  target_compile_options(nns_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection
    $<${optimised}:-U_FORTIFY_SOURCE> $<${optimised}:-D_FORTIFY_SOURCE=3>)
  target_link_options(nns_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
  check_c_compiler_flag(-fcf-protection NNS_HAVE_CET)
  if(NNS_HAVE_CET)
    target_compile_options(nns_flags INTERFACE -fcf-protection)
  endif()
endif()
