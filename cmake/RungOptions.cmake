# The switches of the build. Target rung_strict carries them to our own code: library, tests,
# examples and benchmarks. Users' code gets none of it, but see rung.pc.in.
include(CheckCCompilerFlag)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

set(RUNG_SANITIZE "" CACHE STRING "address, undefined, thread, or nothing")
set(RUNG_MUTANT 0 CACHE STRING "Which planned bug of src/base/mutants.h to put back; 0: none")
set(RUNG_TEST_LAUNCHER "" CACHE STRING "Command that test programs are run under (qemu, valgrind)")
set(RUNG_TEST_ENVIRONMENT "" CACHE STRING "Variables that tests are run with, as NAME=value;...")
set(RUNG_TEST_PATIENCE 1 CACHE STRING "Factor on the tests' time limits")
set(RUNG_PRESET release CACHE STRING "Which preset this is, for tests that are for some of them")
option(RUNG_VALGRIND "Tell Valgrind of our stacks" OFF)
option(RUNG_LTO "Link-time optimisation" OFF)
option(RUNG_WERROR "Warnings are errors" ${PROJECT_IS_TOP_LEVEL})

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    set(RUNG_CPU x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(RUNG_CPU aarch64)
else()
    message(FATAL_ERROR "rung runs on x86-64 and arm64, not on ${CMAKE_SYSTEM_PROCESSOR}")
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
foreach(language C CXX ASM)
    set(CMAKE_${language}_FLAGS_RELEASE "-O2 -g")
    set(CMAKE_${language}_FLAGS_DEBUG "-O1 -g")
endforeach()

add_library(rung_strict INTERFACE)
target_compile_options(rung_strict INTERFACE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wold-style-definition>
    $<$<BOOL:${RUNG_WERROR}>:-Werror>)

# The frame chain: every function keeps its record, none gives it up for a tail call; and a frame
# larger than a page touches each page of it, so that a guard page cannot be jumped.
set(frame_options -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls
    -fstack-clash-protection)
foreach(option ${frame_options})
    string(MAKE_C_IDENTIFIER "has${option}" variable)
    set(CMAKE_REQUIRED_FLAGS -Werror)
    check_c_compiler_flag(${option} ${variable})
    unset(CMAKE_REQUIRED_FLAGS)
    if(${variable})
        target_compile_options(rung_strict INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:${option}>)
    endif()
endforeach()

target_compile_definitions(rung_strict INTERFACE
    $<$<CONFIG:Debug>:RUNG_ASSERT=1>
    $<$<BOOL:${RUNG_VALGRIND}>:RUNG_VALGRIND=1>)
if(RUNG_SANITIZE)
    string(TOUPPER ${RUNG_SANITIZE} name)
    target_compile_definitions(rung_strict INTERFACE RUNG_SANITIZE_${name}=1)
    target_compile_options(rung_strict INTERFACE
        $<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${RUNG_SANITIZE}>)
    target_link_options(rung_strict INTERFACE -fsanitize=${RUNG_SANITIZE})
    if(RUNG_SANITIZE STREQUAL undefined)
        target_compile_options(rung_strict INTERFACE
            $<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize-recover=undefined>)
    endif()
endif()
if(RUNG_LTO)
    set(CMAKE_AR ${CMAKE_C_COMPILER_AR}) # the ones that read the compiler's own object format
    set(CMAKE_RANLIB ${CMAKE_C_COMPILER_RANLIB})
    target_compile_options(rung_strict INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-O3> $<$<COMPILE_LANGUAGE:C,CXX>:-flto>)
    if(CMAKE_C_COMPILER_ID MATCHES Clang)
        target_link_options(rung_strict INTERFACE -flto -fuse-ld=lld)
    else()
        target_link_options(rung_strict INTERFACE -flto=auto)
    endif()
endif()
# Tests that spawn by the hundred thousand do less where each step costs tens of times as much.
if(RUNG_SANITIZE OR RUNG_VALGRIND OR CMAKE_CROSSCOMPILING)
    target_compile_definitions(rung_strict INTERFACE TEST_IS_SLOW=1)
endif()
string(REPLACE ";" " " RUNG_TEST_LAUNCHER_TEXT "${RUNG_TEST_LAUNCHER}")
