# rung_check(TARGET [REQUIRE framed=99%]... [DENY clobber,...] [ALLOW FILE] [OPTIONS ...])
#
# After each build of the target, `rung check` looks at it; the build fails if a limit is not kept. Without REQUIRE and
# DENY, clobber and stack-switch are denied. In a Makefile:
#
#     program: $(OBJECTS)
#             $(CC) -o $@ $(OBJECTS) $(LIBS) && rung check --quiet --deny clobber $@ || { rm -f $@; false; }
function(rung_check target)
    cmake_parse_arguments(PARSE_ARGV 1 CHECK "" "ALLOW" "REQUIRE;DENY;OPTIONS")
    if(TARGET rung_command)
        set(command $<TARGET_FILE:rung_command>)
    else()
        find_program(RUNG_COMMAND rung)
        if(NOT RUNG_COMMAND)
            message(FATAL_ERROR "rung_check: the command `rung` is not installed")
        endif()
        set(command ${RUNG_COMMAND})
    endif()
    set(arguments check --quiet)
    if(NOT CHECK_REQUIRE AND NOT CHECK_DENY)
        set(CHECK_DENY clobber,stack-switch)
    endif()
    foreach(limit ${CHECK_REQUIRE})
        list(APPEND arguments --require ${limit})
    endforeach()
    foreach(what ${CHECK_DENY})
        list(APPEND arguments --deny ${what})
    endforeach()
    if(CHECK_ALLOW)
        get_filename_component(CHECK_ALLOW ${CHECK_ALLOW} ABSOLUTE)
        list(APPEND arguments --allow ${CHECK_ALLOW})
    endif()
    add_custom_command(TARGET ${target} POST_BUILD
        COMMAND ${command} ${arguments} ${CHECK_OPTIONS} $<TARGET_FILE:${target}>
        COMMENT "rung check ${target}" VERBATIM)
    if(TARGET rung_command)
        add_dependencies(${target} rung_command)
    endif()
endfunction()
