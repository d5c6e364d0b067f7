# Target rung: librung.a. One object, linked from all of them, in which every function that is not
# public has become local: names like `panic` or `lock_wake` cannot clash with a user's.
# Sanitizers' and link-time optimisation's objects do not survive that, and stay an ordinary archive.
if(RUNG_SANITIZE OR RUNG_LTO)
    add_library(rung STATIC)
    target_link_libraries(rung PRIVATE rung_objects)
    set_target_properties(rung PROPERTIES LINKER_LANGUAGE C)
    set(RUNG_ARCHIVE ${PROJECT_BINARY_DIR}/librung.a)
    target_include_directories(rung INTERFACE ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(rung INTERFACE Threads::Threads)
    return()
endif()

set(RUNG_ARCHIVE ${PROJECT_BINARY_DIR}/librung.a)
add_custom_command(
    OUTPUT ${RUNG_ARCHIVE}
    COMMAND ${CMAKE_LINKER} -r -o rung.o $<TARGET_OBJECTS:rung_objects>
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${RUNG_EXPORT_LIST} rung.o
    COMMAND ${CMAKE_COMMAND} -E rm -f ${RUNG_ARCHIVE}
    COMMAND ${CMAKE_AR} rcs ${RUNG_ARCHIVE} rung.o
    DEPENDS rung_objects $<TARGET_OBJECTS:rung_objects> ${RUNG_EXPORT_LIST}
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Linking librung.a, public functions only")
add_custom_target(rung_archive ALL DEPENDS ${RUNG_ARCHIVE})
add_library(rung STATIC IMPORTED GLOBAL)
set_target_properties(rung PROPERTIES IMPORTED_LOCATION ${RUNG_ARCHIVE})
add_dependencies(rung rung_archive)
target_include_directories(rung INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(rung INTERFACE Threads::Threads)
