// Small folders of MNIST-format files that the tests make for themselves, and runs of wn_mlp.
#ifndef WN_MLP_FOLDER_H
#define WN_MLP_FOLDER_H
#include <cstdint>
#include <string>
#include <vector>

namespace wn {

using Bytes = std::vector<uint8_t>;

// A new folder under the test's temporary directory, removed with everything in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  std::string path(const std::string &name = "") const;
  void write(const std::string &name, const Bytes &bytes) const;
  Bytes read(const std::string &name) const;

 private:
  std::string path_;
};

Bytes gzip(const Bytes &plain);
// An IDX file of unsigned bytes.
Bytes idx(const std::vector<uint32_t> &sizes, const Bytes &data);

// Writes the four files: pictures of side x side pixels whose brightness tells their label, with some noise. `gzipped`
// puts each into gzip and ".gz" behind its name.
void write_images(const Folder &folder, uint32_t train, uint32_t test, uint32_t side, bool gzipped);

struct Outcome {
  int status;  // -1: it did not exit by itself
  std::string output, errors;
};
// wn_mlp with these words, each quoted for the shell; started by the launcher, if there is one, as the shell reads it.
Outcome run_mlp(const std::vector<std::string> &words, const std::string &launcher = "");

std::vector<std::string> lines(const std::string &text);
std::vector<std::string> cells(const std::string &line);  // of CSV
std::string text(const Bytes &bytes);

}  // namespace wn
#endif
