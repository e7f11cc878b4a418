# Slicer reads the extension's description from these when it packages.
get_cmake_property(names VARIABLES)
set(description "")
foreach(name IN LISTS names)
  if(name MATCHES "^EXTENSION_" AND NOT name STREQUAL "EXTENSION_DIR")
    string(APPEND description "${name}=${${name}}\n")
  endif()
endforeach()
file(WRITE "${CMAKE_BINARY_DIR}/description.txt" "${description}")
