// Random numbers that are the same with every standard library: splitmix64 (Steele, Lea, Flood 2014), Box-Muller.
#ifndef WN_TESTS_RANDOM_H
#define WN_TESTS_RANDOM_H
#include <cmath>
#include <cstdint>

namespace wn::test {

class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace wn::test
#endif
