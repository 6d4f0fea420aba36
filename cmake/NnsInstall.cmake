# SPDX-License-Identifier: MIT
#
# What is installed, and where. The components are those of the packages: runtime (the shared
# library), nmf (that of net.tcp), development (headers, static library, nns.pc, nnsConfig.cmake) and tool (the command).
# man/CMakeLists.txt adds the manual. Nothing that is installed knows the prefix.
include(CMakePackageConfigHelpers)

set(NNS_BASH_COMPLETION_DIR "${CMAKE_INSTALL_DATADIR}/bash-completion/completions"
    CACHE STRING "Where bash looks for completions")
set(NNS_ZSH_COMPLETION_DIR "${CMAKE_INSTALL_DATADIR}/zsh/site-functions"
    CACHE STRING "Where zsh looks for completions")
set(NNS_FISH_COMPLETION_DIR "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d"
    CACHE STRING "Where fish looks for completions")
set(NNS_TOOL_DOCDIR "${CMAKE_INSTALL_DOCDIR}" CACHE STRING "Where the documents of the command go")
set(nns_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nns")

install(TARGETS nns EXPORT nnsTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS nmf EXPORT nnsTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT nmf NAMELINK_COMPONENT development)
install(TARGETS nns_static nmf_static EXPORT nnsStaticTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
foreach(export nnsTargets nnsStaticTargets)
  install(EXPORT ${export} NAMESPACE nns:: DESTINATION ${nns_cmake_dir} COMPONENT development)
endforeach()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/nns DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development FILES_MATCHING PATTERN *.h)
install(FILES ${PROJECT_BINARY_DIR}/include/nns/version.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nns COMPONENT development)

# nns.pc finds its prefix from where it lies, unless the folders were given as absolute paths.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(nns_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(nns_pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(dir LIB INCLUDE)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}DIR}")
    set(nns_pc_${dir}DIR "${CMAKE_INSTALL_${dir}DIR}")
  else()
    set(nns_pc_${dir}DIR "\${prefix}/${CMAKE_INSTALL_${dir}DIR}")
  endif()
endforeach()
list(JOIN NNS_REQUIRES ", " nns_pc_requires)
set(nns_pc_ipsec_mb)
if(NNS_IPSEC_MB)
  set(nns_pc_ipsec_mb " -l${NNS_IPSEC_MB}")
endif()
foreach(pc nns.pc nns-nmf.pc)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${pc}.in ${PROJECT_BINARY_DIR}/${pc} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/nnsConfig.cmake.in
  ${PROJECT_BINARY_DIR}/nnsConfig.cmake INSTALL_DESTINATION ${nns_cmake_dir}
  NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/nnsConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nnsConfig.cmake ${PROJECT_BINARY_DIR}/nnsConfigVersion.cmake
  DESTINATION ${nns_cmake_dir} COMPONENT development)

if(NNS_BUILD_TOOL)
  install(TARGETS nns_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
  install(FILES ${PROJECT_SOURCE_DIR}/completions/nns.bash
    DESTINATION ${NNS_BASH_COMPLETION_DIR} RENAME nns COMPONENT tool)
  install(FILES ${PROJECT_SOURCE_DIR}/completions/nns.zsh
    DESTINATION ${NNS_ZSH_COMPLETION_DIR} RENAME _nns COMPONENT tool)
  install(FILES ${PROJECT_SOURCE_DIR}/completions/nns.fish
    DESTINATION ${NNS_FISH_COMPLETION_DIR} COMPONENT tool)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/json.md ${PROJECT_SOURCE_DIR}/docs/trace.md
    DESTINATION ${NNS_TOOL_DOCDIR} COMPONENT tool)
endif()

install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGES.md
  ${PROJECT_SOURCE_DIR}/SECURITY.md ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
