# Fails if the library LIBRARY calls a function that writes to the application's streams or ends the application.
execute_process(COMMAND ${NM} -u -C ${LIBRARY} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${NM} cannot read ${LIBRARY}")
endif()
if(NOT symbols MATCHES " U std::")
  message(FATAL_ERROR "${NM} lists no symbols of ${LIBRARY} that are defined elsewhere; this test checks nothing")
endif()
string(REGEX MATCHALL
  " U (printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|fputc|putc|__printf_chk|__fprintf_chk|stdout|stderr|perror|std::cout|std::cerr|std::clog|exit|_exit|_Exit|quick_exit|abort|__assert_fail)(@[^\n]*)?\n"
  found "${symbols}")
if(found)
  message(FATAL_ERROR "the library prints or exits: it uses${found}")
endif()
