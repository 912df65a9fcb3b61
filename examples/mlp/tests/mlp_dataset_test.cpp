// Reading MNIST-format files, and what is said about each way in which they can be wrong.
#include <gtest/gtest.h>

#include <string>

#include "mlp_folder.h"

extern "C" {
#include "dataset.h"
#include "idx.h"
}

namespace {

using wn::Bytes;
using wn::Folder;

const char *const train_images = "train-images-idx3-ubyte";
const char *const train_labels = "train-labels-idx1-ubyte";

struct Loaded {
  bool good;
  dataset set;
  std::string text;
};

Loaded load(const Folder &folder, int64_t most = 0, const char *part = "train") {
  Loaded result = {};
  fault f = {};
  result.good = dataset_load(&result.set, folder.path().c_str(), part, most, &f);
  result.text = f.text;
  return result;
}

void expect_fault(const Folder &folder, const std::string &file, const std::string &what) {
  Loaded loaded = load(folder);
  EXPECT_FALSE(loaded.good);
  EXPECT_NE(loaded.text.find(file), std::string::npos) << loaded.text;
  EXPECT_NE(loaded.text.find(what), std::string::npos) << loaded.text;
  EXPECT_EQ(loaded.set.images, nullptr);
  EXPECT_EQ(loaded.set.labels, nullptr);
  dataset_free(&loaded.set);
}

TEST(Dataset, HalvesPicturesToMeans) {
  const Folder folder;
  wn::write_images(folder, 5, 3, 4, false);
  Loaded whole = load(folder), half = load(folder);
  ASSERT_TRUE(whole.good && half.good) << whole.text << half.text;
  fault f = {};
  ASSERT_TRUE(dataset_halve(&half.set, &f)) << f.text;
  EXPECT_EQ(half.set.height, 2);
  EXPECT_EQ(half.set.width, 2);
  EXPECT_EQ(half.set.pixels, 4);
  for (int64_t i = 0; i < 5; i++)
    for (int64_t y = 0; y < 2; y++)
      for (int64_t x = 0; x < 2; x++) {
        const float *const corner = whole.set.images + i * 16 + 8 * y + 2 * x;
        const double mean = (double{corner[0]} + corner[1] + corner[4] + corner[5]) / 4;
        EXPECT_NEAR(half.set.images[i * 4 + 2 * y + x], mean, 4 * 0x1p-24) << i;
      }
  half.set.width = 3;
  EXPECT_FALSE(dataset_halve(&half.set, &f));
  EXPECT_STREQ(f.text, "pictures of 2 x 3 pixels cannot be halved: both sides must be even");
  dataset_free(&whole.set);
  dataset_free(&half.set);
}

TEST(Dataset, ReadsPlainAndGzip) {
  for (const bool gzipped : {false, true}) {
    const Folder folder;
    wn::write_images(folder, 5, 3, 4, gzipped);
    Loaded loaded = load(folder);
    ASSERT_TRUE(loaded.good) << loaded.text;
    EXPECT_EQ(loaded.set.count, 5);
    EXPECT_EQ(loaded.set.pixels, 16);
    dataset_free(&loaded.set);
    loaded = load(folder, 2, "t10k");
    ASSERT_TRUE(loaded.good) << loaded.text;
    EXPECT_EQ(loaded.set.count, 2);
    dataset_free(&loaded.set);
  }
}

TEST(Dataset, ScalesBytesToOneAndKeepsTheirOrder) {
  const Folder folder;
  folder.write(train_images, wn::idx({2, 1, 3}, {0, 51, 255, 1, 2, 3}));
  folder.write(train_labels, wn::idx({2}, {9, 4}));
  Loaded loaded = load(folder);
  ASSERT_TRUE(loaded.good) << loaded.text;
  const float expected[] = {0, 51 / 255.0f, 1, 1 / 255.0f, 2 / 255.0f, 3 / 255.0f};
  for (int i = 0; i < 6; i++) EXPECT_EQ(loaded.set.images[i], expected[i]);
  EXPECT_EQ(loaded.set.labels[0], 9);
  EXPECT_EQ(loaded.set.labels[1], 4);
  dataset_free(&loaded.set);
}

TEST(Dataset, AcceptsTheNamesWithADot) {
  const Folder folder;
  folder.write("train-images.idx3-ubyte", wn::idx({1, 1, 1}, {7}));
  folder.write("train-labels.idx1-ubyte.gz", wn::gzip(wn::idx({1}, {3})));
  Loaded loaded = load(folder);
  EXPECT_TRUE(loaded.good) << loaded.text;
  dataset_free(&loaded.set);
}

TEST(Dataset, SaysThatTheFolderIsMissing) {
  fault f = {};
  dataset set;
  EXPECT_FALSE(dataset_load(&set, "/nowhere/at/all", "train", 0, &f));
  EXPECT_NE(std::string(f.text).find("/nowhere/at/all: no such folder"), std::string::npos) << f.text;
  EXPECT_NE(std::string(f.text).find("dataset-fashion-mnist"), std::string::npos) << f.text;
}

class WrongFile : public testing::Test {
 protected:
  WrongFile() { wn::write_images(folder_, 6, 2, 4, false); }
  // Replaces the images by `bytes` in gzip.
  void pack_images(const Bytes &bytes) {
    std::remove(folder_.path(train_images).c_str());
    folder_.write(std::string(train_images) + ".gz", bytes);
  }
  Folder folder_;
};

TEST_F(WrongFile, Missing) {
  std::remove(folder_.path(train_labels).c_str());
  expect_fault(folder_, train_labels, "missing file");
}

TEST_F(WrongFile, NotReadable) {
  std::remove(folder_.path(train_images).c_str());
  ASSERT_EQ(std::system(("mkdir '" + folder_.path(train_images) + "'").c_str()), 0);
  expect_fault(folder_, train_images, "Is a directory");
}

TEST_F(WrongFile, WrongMagic) {
  folder_.write(train_images, folder_.read(train_labels));
  expect_fault(folder_, train_images, "wrong magic number 00 00 08 01: expected 00 00 08 03");
  folder_.write(train_images, wn::Bytes{'P', '5', '\n', '#', ' ', 'x'});
  expect_fault(folder_, train_images, "wrong magic number 50 35 0a 23");
}

TEST_F(WrongFile, Empty) {
  folder_.write(train_images, {});
  expect_fault(folder_, train_images, "truncated");
}

TEST_F(WrongFile, TruncatedHeader) {
  Bytes bytes = folder_.read(train_images);
  bytes.resize(13);
  folder_.write(train_images, bytes);
  expect_fault(folder_, train_images, "truncated: it ends inside the header");
}

TEST_F(WrongFile, TruncatedData) {
  Bytes bytes = folder_.read(train_images);
  bytes.pop_back();
  folder_.write(train_images, bytes);
  expect_fault(folder_, train_images, "truncated: the header promises 96 bytes of data, 95 are there");
}

TEST_F(WrongFile, TruncatedGzip) {
  const Bytes whole = wn::gzip(folder_.read(train_images));
  // In the data, in the checksum behind it, and in the header: wherever the download stopped.
  for (const size_t kept : {whole.size() / 2, whole.size() - 12, whole.size() - 4, whole.size() - 1, size_t{5}}) {
    SCOPED_TRACE(kept);
    pack_images(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept)));
    expect_fault(folder_, std::string(train_images) + ".gz", "truncated");
  }
}

TEST_F(WrongFile, DamagedGzip) {
  Bytes bytes = wn::gzip(folder_.read(train_images));
  bytes[bytes.size() - 6] ^= 1;  // the checksum
  pack_images(bytes);
  expect_fault(folder_, std::string(train_images) + ".gz", "damaged gzip data");
}

TEST_F(WrongFile, TooLong) {
  Bytes bytes = folder_.read(train_images);
  bytes.push_back(0);
  folder_.write(train_images, bytes);
  expect_fault(folder_, train_images, "too long");
}

TEST_F(WrongFile, SizesOfTheHeader) {
  folder_.write(train_images, wn::idx({6, 0, 4}, {}));
  expect_fault(folder_, train_images, "size 2 of the header is 0");
  folder_.write(train_images, wn::idx({0xffffffff, 0xffffffff, 0xffffffff}, {}));
  expect_fault(folder_, train_images, "too large");
}

TEST_F(WrongFile, CountsDisagree) {
  folder_.write(train_labels, wn::idx({5}, {0, 1, 2, 3, 4}));
  expect_fault(folder_, train_images, "sizes disagree");
  expect_fault(folder_, train_labels, "6 pictures");
  expect_fault(folder_, train_labels, "5 labels");
}

TEST_F(WrongFile, LabelBeyondNine) {
  folder_.write(train_labels, wn::idx({6}, {0, 1, 2, 10, 4, 5}));
  expect_fault(folder_, train_labels, "label 3 is 10: expected 0 to 9");
}

TEST_F(WrongFile, FewerThanAskedFor) {
  Loaded loaded = load(folder_, 7);
  EXPECT_FALSE(loaded.good);
  EXPECT_NE(loaded.text.find("--images 7"), std::string::npos) << loaded.text;
  EXPECT_NE(loaded.text.find("has only 6"), std::string::npos) << loaded.text;
}

}  // namespace
