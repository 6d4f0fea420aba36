# SPDX-License-Identifier: MIT
#
# Debian packages by CPack: libnns0 and libnns-nmf0 (the shared libraries), libnns-dev (headers, static library, manual)
# and nns (the command). scripts/package calls it with the settings that Debian wants. What CPack
# does not do by itself, NnsPackageFiles.cmake and NnsPackageRepack.cmake do.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libnns)
set(CPACK_PACKAGE_VENDOR "libnns")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SOURCE libnns)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${NNS_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime nmf development)
set(version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")
set(library "libnns${PROJECT_VERSION_MAJOR}")

set(what "The .NET NegotiateStream protocol ([MS-NNS]) for programs that are not .NET:
authenticate with Kerberos single sign-on, as client or as server, then
exchange signed or encrypted records over any byte stream.")

# What a library exports, and since when: dpkg-shlibdeps makes the dependencies of it.
function(write_symbols soname package list)
  file(STRINGS ${list} names)
  set(abi NNS_${PROJECT_VERSION_MAJOR})
  set(text "${soname}.so.${PROJECT_VERSION_MAJOR} ${package} #MINVER#\n")
  string(APPEND text "* Build-Depends-Package: libnns-dev\n ${abi}@${abi} ${PROJECT_VERSION}\n")
  foreach(name IN LISTS names)
    string(APPEND text " ${name}@${abi} ${PROJECT_VERSION}\n")
  endforeach()
  file(WRITE ${PROJECT_BINARY_DIR}/packaging/${soname}/symbols "${text}")
endfunction()
set(nmf_library "libnns-nmf${PROJECT_VERSION_MAJOR}")
write_symbols(libnns ${library} ${PROJECT_SOURCE_DIR}/src/nns.symbols)
write_symbols(libnns-nmf ${nmf_library} ${PROJECT_SOURCE_DIR}/src/nmf/nmf.symbols)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/triggers;${PROJECT_BINARY_DIR}/packaging/libnns/symbols")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
    ".NET NegotiateStream protocol - shared library\n${what}\n\nThis package has the shared library.")

set(CPACK_DEBIAN_NMF_PACKAGE_NAME ${nmf_library})
set(CPACK_DEBIAN_NMF_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_NMF_PACKAGE_DEPENDS "${library} (>= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_NMF_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_NMF_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_NMF_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/packaging/debian/triggers;${PROJECT_BINARY_DIR}/packaging/libnns-nmf/symbols")
set(CPACK_DEBIAN_NMF_DESCRIPTION
    ".NET NegotiateStream protocol - net.tcp framing\n${what}\n\nThis package has the shared library for the framing of WCF's net.tcp around\nit ([MC-NMF]).")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libnns-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${library} (= ${version}), ${nmf_library} (= ${version}), libkrb5-dev, libssl-dev")
if(NNS_IPSEC_MB)
  string(APPEND CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS ", libipsec-mb-dev")
endif()
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION ".NET NegotiateStream protocol - development files
${what}\n\nThis package has the headers, the static library, and the manual.")

if(NNS_BUILD_TOOL)
  list(APPEND CPACK_COMPONENTS_ALL tool)
  set(CPACK_DEBIAN_TOOL_PACKAGE_NAME nns)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS
      "${library} (>= ${PROJECT_VERSION}), ${nmf_library} (>= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_TOOL_PACKAGE_SUGGESTS "krb5-user")
  set(CPACK_DEBIAN_TOOL_DESCRIPTION ".NET NegotiateStream protocol - command line
${what}\n\nThis package has the command nns: a client between standard input and\noutput and a NegotiateStream server, and a server.")
endif()

# The licence and its holder stand in LICENSE alone.
file(STRINGS ${PROJECT_SOURCE_DIR}/LICENSE lines)
set(licence)
foreach(line IN LISTS lines)
  if(line MATCHES "^Copyright \\(c\\) (.*)")
    set(copyright "${CMAKE_MATCH_1}")
  elseif(NOT line STREQUAL "MIT License" AND NOT "${licence}${line}" STREQUAL "")
    if(line STREQUAL "")
      set(line ".")
    endif()
    string(APPEND licence " ${line}\n")
  endif()
endforeach()
string(REGEX REPLACE "\n$" "" licence "${licence}")
configure_file(${PROJECT_SOURCE_DIR}/packaging/debian/copyright.in
               ${PROJECT_BINARY_DIR}/packaging/copyright @ONLY)

set(CPACK_NNS_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_NNS_BINARY_DIR ${PROJECT_BINARY_DIR})
set(CPACK_NNS_VERSION ${version})
set(CPACK_NNS_STRIP ${CMAKE_STRIP})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/NnsPackageFiles.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/NnsPackageRepack.cmake)
include(CPack)
