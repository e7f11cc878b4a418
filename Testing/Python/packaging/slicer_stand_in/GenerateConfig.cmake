file(WRITE "${CMAKE_BINARY_DIR}/generated.txt" "${PROJECT_NAME}")
