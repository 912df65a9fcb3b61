# Writes a header with the compiler, its flags and the revision of the source, if any of them has changed.
find_program(git git)
set(revision "unknown")
if(git)
  execute_process(
    COMMAND "${git}" -c safe.directory=* describe --always --dirty --abbrev=12
    WORKING_DIRECTORY "${SOURCE}"
    OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
    RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision "${described}")
  endif()
endif()
set(text "#define BENCH_COMPILER \"${COMPILER}\"\n#define BENCH_FLAGS \"${FLAGS}\"\n#define BENCH_REVISION \"${revision}\"\n")
set(old "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" old)
endif()
if(NOT old STREQUAL text)
  file(WRITE "${OUTPUT}" "${text}")
endif()
