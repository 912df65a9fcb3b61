#include "bench_run_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace wn::bench {

std::string ReadFile(const std::string &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Ran RunProgram(const std::string &program, const std::string &arguments) {
  static int count = 0;
  const char *const folder = std::getenv("TMPDIR");
  const std::string base = std::string(folder == nullptr ? "/tmp" : folder) + "/wn_bench_test." +
                           std::to_string(getpid()) + "." + std::to_string(count++);
  const std::string output = base + ".out", errors = base + ".err";
  const std::string command = "'" + program + "' " + arguments + " >'" + output + "' 2>'" + errors + "'";
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): the tests' own words
  Ran ran{WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(output), ReadFile(errors)};
  (void)std::remove(output.c_str());
  (void)std::remove(errors.c_str());
  return ran;
}

int CountOf(const std::string &text, const std::string &part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) count++;
  return count;
}

}  // namespace wn::bench
