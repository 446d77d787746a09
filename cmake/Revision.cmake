# Writes OUTPUT, a header with the revision of the sources in SOURCE: git's, or the one in the file REVISION that a source
# distribution carries, or "unknown". Run in every build, by `cmake -P`; the header changes only if the revision does.
# With WRITE_FILE the file REVISION is written too.
set(_revision "")
find_program(_git git)
if(_git)
  # A tree inside somebody else's repository has no revision of its own.
  execute_process(COMMAND ${_git} -C ${SOURCE} rev-parse --show-toplevel
    OUTPUT_VARIABLE _top ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  get_filename_component(_top "${_top}" REALPATH)
  get_filename_component(_here "${SOURCE}" REALPATH)
  if(_top STREQUAL _here)
    execute_process(
      COMMAND ${_git} --no-optional-locks -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude *
      OUTPUT_VARIABLE _revision ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
endif()
if(NOT _revision AND EXISTS ${SOURCE}/REVISION)
  file(READ ${SOURCE}/REVISION _revision LIMIT 100)
  string(STRIP "${_revision}" _revision)
endif()
if(NOT _revision MATCHES "^[0-9a-f]+(-dirty)?$")
  set(_revision unknown)
endif()
if(WRITE_FILE)
  file(WRITE ${SOURCE}/REVISION "${_revision}\n")
endif()
set(_text "#define SUBLINEAR_REVISION \"${_revision}\"\n")
set(_before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} _before)
endif()
if(NOT _before STREQUAL _text)
  file(WRITE ${OUTPUT} "${_text}")
endif()
