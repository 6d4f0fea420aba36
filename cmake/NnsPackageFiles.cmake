# SPDX-License-Identifier: MIT
#
# Run by CPack when the files of the packages are laid out: strips, adds the licence and the
# changelogs, and compresses what Debian has compressed.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "packaging: ${ARGN}: ${status}")
  endif()
endfunction()

# What every package has in its own folder of documents.
function(add_documents root package)
  set(folder ${root}/usr/share/doc/${package})
  file(MAKE_DIRECTORY ${folder})
  file(COPY ${CPACK_NNS_BINARY_DIR}/packaging/copyright DESTINATION ${folder})
  configure_file(${CPACK_NNS_SOURCE_DIR}/CHANGES.md ${folder}/changelog COPYONLY)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # heeds SOURCE_DATE_EPOCH
  file(WRITE ${folder}/changelog.Debian
    "libnns (${CPACK_NNS_VERSION}) unstable; urgency=medium\n\n"
    "  * Built from the sources; what changed is in changelog.gz.\n\n"
    " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
  run(gzip -9n ${folder}/changelog ${folder}/changelog.Debian)
endfunction()

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  add_documents(${root} ${package})
  file(REMOVE ${root}/usr/share/doc/${package}/LICENSE ${root}/usr/share/doc/${package}/CHANGES.md)

  file(GLOB_RECURSE pages ${root}/usr/share/man/*.[0-9])
  if(pages)
    run(gzip -9n ${pages})
  endif()

  set(strip ${CPACK_NNS_STRIP} --remove-section=.comment --remove-section=.note)
  file(GLOB_RECURSE libraries ${root}/usr/lib/*.so.*)
  file(GLOB_RECURSE archives ${root}/usr/lib/*.a)
  file(GLOB programs ${root}/usr/bin/*)
  foreach(file IN LISTS libraries)
    if(NOT IS_SYMLINK ${file})
      run(${strip} --strip-unneeded ${file})
    endif()
  endforeach()
  foreach(file IN LISTS archives)
    run(${strip} --strip-debug --enable-deterministic-archives ${file})
  endforeach()
  foreach(file IN LISTS programs)
    run(${strip} ${file})
  endforeach()
endforeach()
