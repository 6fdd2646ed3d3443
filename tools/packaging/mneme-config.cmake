# Defines mneme::mneme, for find_package(mneme) of an installed copy and for FetchContent of the tree.
# Settings, the same for all that links with it; empty means the default of include/mneme/settings.hpp:
#
#   MNEME_CHECKED     0 nothing is checked, 1 each pointer that comes back, 2 hardened
#   MNEME_STATS       0 without statistics, 1 with them, 2 in detail
#   MNEME_QUARANTINE  how many freed blocks a heap keeps before they are used again

set(MNEME_CHECKED "" CACHE STRING "mneme: checks, 0, 1 or 2")
set(MNEME_STATS "" CACHE STRING "mneme: statistics, 0, 1 or 2")
set(MNEME_QUARANTINE "" CACHE STRING "mneme: freed blocks that a heap keeps")
set_property(CACHE MNEME_CHECKED PROPERTY STRINGS "" 0 1 2)
set_property(CACHE MNEME_STATS PROPERTY STRINGS "" 0 1 2)

if(NOT TARGET mneme::mneme)
  # The headers are beside this file in an installed copy, and elsewhere in the tree.
  if(NOT DEFINED mneme_include)
    get_filename_component(mneme_include "${CMAKE_CURRENT_LIST_DIR}/../../../include" ABSOLUTE)
  endif()
  add_library(mneme::mneme INTERFACE IMPORTED GLOBAL)
  set_target_properties(mneme::mneme PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${mneme_include}")
  target_compile_features(mneme::mneme INTERFACE cxx_std_23)
  foreach(setting IN ITEMS MNEME_CHECKED MNEME_STATS MNEME_QUARANTINE)
    if(NOT "${${setting}}" STREQUAL "")
      if(NOT "${${setting}}" MATCHES "^[0-9]+$")
        message(FATAL_ERROR "${setting} is '${${setting}}', expected a number")
      endif()
      target_compile_definitions(mneme::mneme INTERFACE "${setting}=${${setting}}")
    endif()
  endforeach()
endif()
