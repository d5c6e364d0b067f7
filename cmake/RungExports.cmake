# Reads the public functions' names out of include/*.h, at configure time: what is declared there
# is what the libraries export. Writes them as a list for objcopy and as a linker's version script.
file(GLOB RUNG_HEADERS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h)
set(RUNG_DEBUG_HEADERS ${PROJECT_SOURCE_DIR}/include/rung_symbolize.h) # librung-debug's
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${RUNG_HEADERS})

set(RUNG_EXPORTS "")
set(headers_of_rung ${RUNG_HEADERS})
list(REMOVE_ITEM headers_of_rung ${RUNG_DEBUG_HEADERS})
foreach(header ${headers_of_rung})
    file(READ ${header} text)
    string(REPLACE ";" "@" text "${text}") # a semicolon would split CMake's lists
    string(REGEX REPLACE "/[*]([^*]|[*]+[^*/])*[*]+/" "" text "${text}")
    string(REGEX REPLACE "#([^\n\\]|\\\\.)*" "" text "${text}")
    string(REGEX REPLACE "typedef [^@{]*@" "" text "${text}")
    string(REGEX MATCHALL "rung_[a-z0-9_]+[(]" names "${text}")
    string(REPLACE "(" "" names "${names}")
    list(APPEND RUNG_EXPORTS ${names})
endforeach()
list(SORT RUNG_EXPORTS)
list(REMOVE_DUPLICATES RUNG_EXPORTS)
if(NOT RUNG_EXPORTS)
    message(FATAL_ERROR "include/*.h declare no function")
endif()

set(RUNG_EXPORT_LIST ${PROJECT_BINARY_DIR}/rung.exports)
set(RUNG_EXPORT_MAP ${PROJECT_BINARY_DIR}/rung.map)
string(REPLACE ";" "\n" lines "${RUNG_EXPORTS}")
file(CONFIGURE OUTPUT ${RUNG_EXPORT_LIST} CONTENT "${lines}\n")
string(REPLACE ";" ";\n        " lines "${RUNG_EXPORTS}")
file(CONFIGURE OUTPUT ${RUNG_EXPORT_MAP} CONTENT "RUNG_0 {
    global:
        ${lines};
    local:
        *;
};
")
