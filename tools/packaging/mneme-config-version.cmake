# The version of the headers that lie beside this file. Before 1.0, each minor version may differ.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/mneme/version.hpp" mneme_lines
     REGEX "^#define MNEME_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
string(REGEX REPLACE "[^;0-9]" "" mneme_lines "${mneme_lines}")
string(REPLACE ";" "." PACKAGE_VERSION "${mneme_lines}")

string(REGEX MATCH "^[0-9]+\\.[0-9]+" mneme_minor "${PACKAGE_VERSION}")
if("${PACKAGE_FIND_VERSION}.0" MATCHES "^${mneme_minor}\\." AND
   NOT PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
