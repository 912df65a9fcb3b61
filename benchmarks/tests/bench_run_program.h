// Runs a program and keeps what it said.
#ifndef BENCH_RUN_PROGRAM_H
#define BENCH_RUN_PROGRAM_H
#include <string>

namespace wn::bench {

struct Ran {
  int status;  // of the program, or -1: it ended otherwise
  std::string output, errors;
};

// `arguments` as a shell reads them.
Ran RunProgram(const std::string &program, const std::string &arguments);

int CountOf(const std::string &text, const std::string &part);
std::string ReadFile(const std::string &path);

}  // namespace wn::bench
#endif
