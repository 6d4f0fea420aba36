# SPDX-License-Identifier: MIT
#
# Run by CPack when the packages are made. It gave the library maintainer scripts that call ldconfig;
# Debian has a trigger for that, and no scripts. It also cannot say that the libraries of several
# architectures may be installed side by side.
foreach(package IN LISTS CPACK_PACKAGE_FILES)
  get_filename_component(name ${package} NAME_WE)
  set(folder ${CPACK_NNS_BINARY_DIR}/packaging/${name})
  file(REMOVE_RECURSE ${folder})
  execute_process(COMMAND dpkg-deb --raw-extract ${package} ${folder} COMMAND_ERROR_IS_FATAL ANY)
  if(name MATCHES "^lib")
    file(READ ${folder}/DEBIAN/control control)
    string(REGEX REPLACE "(\nPackage: [^\n]*\n)" "\\1Multi-Arch: same\n" control "${control}")
    file(WRITE ${folder}/DEBIAN/control "${control}")
  endif()
  file(REMOVE ${folder}/DEBIAN/postinst ${folder}/DEBIAN/postrm)
  execute_process(COMMAND dpkg-deb --root-owner-group -Zxz --build ${folder} ${package}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE ${folder})
endforeach()
