// Memory of the device under test with bands around it that nobody may touch.
#ifndef WN_TESTS_DEVICE_MEMORY_H
#define WN_TESTS_DEVICE_MEMORY_H
#include <string>
#include <vector>

#include "types.h"

namespace wn::test {

// The device of the backend that WN_TEST_BACKEND names: "cpu" (default) or "cuda". Open until the program ends.
wn_device *TestDevice();

// Where the elements (n, c, x) of a tensor lie, in elements from its pointer.
struct Place {
  std::int64_t samples = 1, channels = 1, positions = 1;
  std::int64_t row = 0, channel = 1, pixel = 1;

  static Place OfTensor(const wn_problem &p, std::int64_t n, wn_stride stride);
  static Place OfVector(std::int64_t count) { return {1, count, 1, 0, 1, 1}; }

  std::int64_t elements() const { return samples * channels * positions; }
  std::int64_t span() const;  // from the first element to behind the last
  std::int64_t offset(std::int64_t sample, std::int64_t c, std::int64_t position) const {
    return sample * row + c * channel + position * pixel;
  }
};

class DeviceMemory {
 public:
  // shift: bytes by which the pointer is off the alignment of the allocation. All bytes are `garbage` at first, in the
  // gaps between elements and in the bands too; 0xff is NaN in every type.
  DeviceMemory(const Place &place, std::size_t element_bytes, std::size_t shift, std::uint8_t garbage);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  void *pointer() const { return base_ + offset_; }
  void Write(const std::vector<std::uint8_t> &elements);  // in the order (n, c, x)

  // What the elements are now. Changes of anything else since Write, or of the elements unless they may change, are
  // told in *complaint.
  std::vector<std::uint8_t> Read(const std::string &name, bool may_change, std::string *complaint) const;

 private:
  // of(byte among the elements, byte in the image, bytes) for each piece that is in one piece in both
  template <class Function>
  void ForPieces(const Function &of) const;
  void Upload() const;

  Place place_;
  std::size_t element_bytes_, offset_;
  std::vector<std::uint8_t> image_;
  std::uint8_t *base_ = nullptr;
};

}  // namespace wn::test
#endif
