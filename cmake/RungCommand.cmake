# The command `rung`: src/cmd, over src/check and src/elf; and what `rung trace` needs of src/observe, and of librung,
# whose memory it reads. It is for the machine that builds, reads files of both CPUs,
# and needs libraries that librung does not: where one is missing, a line says so and the command is left out.
set(missing "")
foreach(pair dw:elfutils/libdwfl.h elf:libelf.h capstone:capstone/capstone.h jansson:jansson.h
        iberty:libiberty/demangle.h lzma:lzma.h)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 library)
    list(GET pair 1 header)
    find_library(RUNG_LIB_${library} ${library})
    find_path(RUNG_INCLUDE_${library} ${header})
    mark_as_advanced(RUNG_LIB_${library} RUNG_INCLUDE_${library})
    if(NOT RUNG_LIB_${library} OR NOT RUNG_INCLUDE_${library})
        list(APPEND missing ${library})
    endif()
endforeach()

if(CMAKE_CROSSCOMPILING OR RUNG_SANITIZE STREQUAL thread)
    return() # it is built with the machine's own compiler; its threads share nothing but a counter
elseif(missing)
    list(JOIN missing ", " missing)
    message(STATUS "The command `rung` is left out: no ${missing} (./dev deps installs them)")
    return()
endif()

file(GLOB command_sources CONFIGURE_DEPENDS src/cmd/*.c src/check/*.c src/elf/*.c)
list(APPEND command_sources src/observe/names.c src/observe/naming.c src/observe/order.c src/observe/reader.c src/observe/salvage.c)
add_executable(rung_command ${command_sources})
set_target_properties(rung_command PROPERTIES OUTPUT_NAME rung)
target_include_directories(rung_command PRIVATE src)
target_compile_definitions(rung_command PRIVATE RUNG_VERSION="${PROJECT_VERSION}")
target_link_libraries(rung_command PRIVATE rung_internal rung_strict Threads::Threads
    ${RUNG_LIB_dw} ${RUNG_LIB_elf} ${RUNG_LIB_capstone} ${RUNG_LIB_jansson} ${RUNG_LIB_iberty} ${RUNG_LIB_lzma})
