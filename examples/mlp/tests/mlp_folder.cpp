#include "mlp_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

namespace wn {

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "wn_mlp_XXXXXX").string();
  if (!mkdtemp(name.data())) ADD_FAILURE() << "no temporary folder: " << name;
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::path(const std::string &name) const { return name.empty() ? path_ : path_ + "/" + name; }

void Folder::write(const std::string &name, const Bytes &bytes) const {
  std::ofstream file(path(name), std::ios::binary);
  file.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) ADD_FAILURE() << "cannot write " << path(name);
}

Bytes Folder::read(const std::string &name) const {
  std::ifstream file(path(name), std::ios::binary);
  if (!file) ADD_FAILURE() << "cannot read " << path(name);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Bytes gzip(const Bytes &plain) {
  z_stream stream = {};
  constexpr int window_of_gzip = 15 + 16;
  if (deflateInit2(&stream, 9, Z_DEFLATED, window_of_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    ADD_FAILURE() << "deflateInit2";
  Bytes packed(deflateBound(&stream, plain.size()) + 64);
  stream.next_in = const_cast<Bytef *>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) ADD_FAILURE() << "deflate";
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes idx(const std::vector<uint32_t> &sizes, const Bytes &data) {
  Bytes bytes = {0, 0, 8, static_cast<uint8_t>(sizes.size())};
  for (const uint32_t size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(size >> shift));
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

void write_images(const Folder &folder, uint32_t train, uint32_t test, uint32_t side, bool gzipped) {
  std::mt19937 random(7);
  for (const bool training : {true, false}) {
    const uint32_t count = training ? train : test;
    Bytes pixels, labels;
    for (uint32_t i = 0; i < count; i++) {
      const uint32_t label = random() % 10;
      labels.push_back(static_cast<uint8_t>(label));
      for (uint32_t p = 0; p < side * side; p++)
        pixels.push_back(static_cast<uint8_t>(p % 10 == label ? 200 + random() % 56 : random() % 56));
    }
    const char *const end = gzipped ? ".gz" : "";
    std::string image_file = training ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
    std::string label_file = training ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte";
    const Bytes images = idx({count, side, side}, pixels), names = idx({count}, labels);
    folder.write(image_file.append(end), gzipped ? gzip(images) : images);
    folder.write(label_file.append(end), gzipped ? gzip(names) : names);
  }
}

Outcome run_mlp(const std::vector<std::string> &words, const std::string &launcher) {
  const Folder folder;
  std::string command = launcher + " '" WN_MLP_PROGRAM "'";
  for (const std::string &word : words) command += " '" + word + "'";
  command += " >'" + folder.path("output") + "' 2>'" + folder.path("errors") + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text(folder.read("output")), text(folder.read("errors"))};
}

std::vector<std::string> lines(const std::string &text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

std::vector<std::string> cells(const std::string &line) {
  std::vector<std::string> result;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) result.push_back(cell);
  return result;
}

std::string text(const Bytes &bytes) { return std::string(bytes.begin(), bytes.end()); }

}  // namespace wn
