#include "device_memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace wn::test {
namespace {

constexpr std::size_t kBand = 256;  // bytes on each side; keeps the alignment of the allocation

void Require(wn_status status, const char *what) {
  if (status == WN_OK) return;
  std::fprintf(stderr, "%s: %s: %s\n", what, wn_status_text(status), wn_last_error());
  std::abort();
}

wn_device *OpenDevice() {
  const char *const name = std::getenv("WN_TEST_BACKEND");
  const bool cuda = name != nullptr && std::strcmp(name, "cuda") == 0;
  wn_device *device = nullptr;
  Require(wn_device_open(&device, cuda ? WN_CUDA : WN_CPU, 0), "opening the device of WN_TEST_BACKEND");
  std::printf("device: %s\n", wn_device_text(device));
  return device;
}

}  // namespace

wn_device *TestDevice() {
  static wn_device *const device = OpenDevice();
  return device;
}

Place Place::OfTensor(const wn_problem &p, std::int64_t n, wn_stride stride) {
  Place place{n, p.c, p.x, stride.row, 1, 1};
  if (p.layout == WN_NCX) {
    place.channel = p.x;
  } else {
    place.pixel = stride.pixel != 0 ? stride.pixel : p.c;
  }
  if (place.row == 0) place.row = p.layout == WN_NCX ? p.c * p.x : p.x * place.pixel;
  return place;
}

std::int64_t Place::span() const { return elements() == 0 ? 0 : offset(samples - 1, channels - 1, positions - 1) + 1; }

DeviceMemory::DeviceMemory(const Place &place, std::size_t element_bytes, std::size_t shift, std::uint8_t garbage)
    : place_(place), element_bytes_(element_bytes), offset_(kBand + shift) {
  image_.assign(offset_ + static_cast<std::size_t>(place.span()) * element_bytes + kBand, garbage);
  void *memory = nullptr;
  Require(wn_buffer_alloc(TestDevice(), &memory, image_.size(), nullptr), "wn_buffer_alloc");
  base_ = static_cast<std::uint8_t *>(memory);
  Upload();
}

DeviceMemory::~DeviceMemory() { Require(wn_buffer_free(TestDevice(), base_, nullptr), "wn_buffer_free"); }

template <class Function>
void DeviceMemory::ForPieces(const Function &of) const {
  const auto place_of = [&](std::int64_t n, std::int64_t c, std::int64_t x) {
    return offset_ + static_cast<std::size_t>(place_.offset(n, c, x)) * element_bytes_;
  };
  const bool row = place_.positions == 1 && place_.channel == 1;
  const std::int64_t length = row ? place_.channels : place_.pixel == 1 ? place_.positions : 1;
  const std::size_t bytes = static_cast<std::size_t>(length) * element_bytes_;
  std::size_t index = 0;
  for (std::int64_t n = 0; n < place_.samples; n++)
    for (std::int64_t c = 0; c < place_.channels; c += row ? length : 1)
      for (std::int64_t x = 0; x < place_.positions; x += row ? 1 : length, index += bytes)
        of(index, place_of(n, c, x), bytes);
}

void DeviceMemory::Upload() const {
  Require(wn_buffer_write(TestDevice(), base_, image_.data(), image_.size(), nullptr), "wn_buffer_write");
}

void DeviceMemory::Write(const std::vector<std::uint8_t> &elements) {
  ForPieces(
      [&](std::size_t from, std::size_t to, std::size_t bytes) { std::memcpy(&image_[to], &elements[from], bytes); });
  Upload();
}

std::vector<std::uint8_t> DeviceMemory::Read(const std::string &name, bool may_change, std::string *complaint) const {
  std::vector<std::uint8_t> now(image_.size()), before = image_;
  Require(wn_buffer_read(TestDevice(), now.data(), base_, now.size(), nullptr), "wn_buffer_read");
  Require(wn_stream_wait(TestDevice(), nullptr), "wn_stream_wait");
  std::vector<std::uint8_t> elements(static_cast<std::size_t>(place_.elements()) * element_bytes_);
  ForPieces([&](std::size_t to, std::size_t from, std::size_t bytes) {
    std::memcpy(&elements[to], &now[from], bytes);
    if (may_change) std::memcpy(&before[from], &now[from], bytes);
  });
  if (now == before) return elements;
  const auto first = std::mismatch(now.begin(), now.end(), before.begin()).first;
  *complaint += name + ": the byte at " + std::to_string(first - now.begin() - static_cast<std::ptrdiff_t>(offset_)) +
                " of " + std::to_string(place_.span() * static_cast<std::int64_t>(element_bytes_)) +
                (may_change ? ", which is no element, was written; " : " was written; ");
  return elements;
}

}  // namespace wn::test
