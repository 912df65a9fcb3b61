#include "mlp_sequence_reference.h"

#include <gtest/gtest.h>

#include <cmath>

namespace wn {
namespace {

struct Sequences {
  int64_t rows, steps, channels;
  Vector values;

  Sequences(int64_t r, int64_t s, int64_t c) : rows(r), steps(s), channels(c), values(static_cast<size_t>(r * s * c)) {}
  double &at(int64_t row, int64_t step, int64_t c) {
    return values[static_cast<size_t>((row * steps + step) * channels + c)];
  }
  double at(int64_t row, int64_t step, int64_t c) const {
    return values[static_cast<size_t>((row * steps + step) * channels + c)];
  }
};

double entry(const Vector &matrix, int64_t row, int64_t column, int64_t columns) {
  return matrix[static_cast<size_t>(row * columns + column)];
}

// Each of the channels over the rows and steps, or each step of a row over its channels.
void normalize(Sequences *x, const norm_choice &norm, const Vector &gamma, const Vector *beta) {
  const bool batch = norm.kind == WN_BATCH;
  const int64_t sets = batch ? x->channels : x->rows * x->steps;
  const int64_t members = batch ? x->rows * x->steps : x->channels;
  const auto index = [&](int64_t set, int64_t member) {
    return static_cast<size_t>(batch ? member * x->channels + set : set * x->channels + member);
  };
  const double count = static_cast<double>(members);
  for (int64_t set = 0; set < sets; set++) {
    double mean = 0, variance = 0;
    if (norm.kind != WN_RMS)
      for (int64_t i = 0; i < members; i++) mean += x->values[index(set, i)] / count;
    for (int64_t i = 0; i < members; i++) variance += std::pow(x->values[index(set, i)] - mean, 2) / count;
    for (int64_t i = 0; i < members; i++) {
      double &v = x->values[index(set, i)];
      const size_t c = static_cast<size_t>(batch ? set : i);
      v = gamma[c] * (v - mean) / std::sqrt(variance + norm.eps) + (beta ? (*beta)[c] : 0);
    }
  }
}

void activate(Sequences *x, wn_act act) {
  for (double &v : x->values) v = reference_activation(act, v);
}

// Of each step: the rows of `weight` from `first` on.
Sequences linear(const Sequences &x, int64_t units, const Vector &weight, int64_t first = 0) {
  Sequences y(x.rows, x.steps, units);
  for (int64_t row = 0; row < x.rows; row++)
    for (int64_t t = 0; t < x.steps; t++)
      for (int64_t u = 0; u < units; u++)
        for (int64_t i = 0; i < x.channels; i++)
          y.at(row, t, u) += x.at(row, t, i) * entry(weight, first + i, u, units);
  return y;
}

void add_bias(Sequences *x, const Vector &bias) {
  for (size_t i = 0; i < x->values.size(); i++) x->values[i] += bias[i % bias.size()];
}

// Sums of all heads in one pass over pairs of steps: a head's weights are [inputs][size] behind those of the last.
Sequences attention(const Sequences &x, int64_t heads, const Vector *weights) {
  const int64_t size = x.channels / heads;
  Sequences y(x.rows, x.steps, x.channels);
  for (int64_t head = 0; head < heads; head++) {
    const auto first = [&](int i) {
      return weights[i].begin() + static_cast<std::ptrdiff_t>(head * x.channels * size);
    };
    const auto of_head = [&](int i) {
      return Vector(first(i), first(i) + static_cast<std::ptrdiff_t>(x.channels * size));
    };
    const Sequences q = linear(x, size, of_head(0)), k = linear(x, size, of_head(1)), v = linear(x, size, of_head(2));
    Sequences o(x.rows, x.steps, size);
    for (int64_t row = 0; row < x.rows; row++)
      for (int64_t t = 0; t < x.steps; t++) {
        Vector share(static_cast<size_t>(x.steps));
        double sum = 0;
        for (int64_t from = 0; from < x.steps; from++) {
          double dot = 0;
          for (int64_t c = 0; c < size; c++) dot += q.at(row, t, c) * k.at(row, from, c);
          sum += share[static_cast<size_t>(from)] = std::exp(dot / std::sqrt(static_cast<double>(size)));
        }
        for (int64_t from = 0; from < x.steps; from++)
          for (int64_t c = 0; c < size; c++)
            o.at(row, t, c) += share[static_cast<size_t>(from)] / sum * v.at(row, from, c);
      }
    const Sequences out = linear(o, x.channels, of_head(3));
    for (size_t i = 0; i < y.values.size(); i++) y.values[i] += out.values[i];
  }
  return y;
}

Sequences recurrent(const Sequences &x, const stage_spec &s, const Vector *weights) {
  Sequences h(x.rows, 1, s.units);
  for (int64_t t = 0; t < x.steps; t++) {
    Sequences now(x.rows, 1, x.channels);
    for (int64_t row = 0; row < x.rows; row++)
      for (int64_t c = 0; c < x.channels; c++) now.at(row, 0, c) = x.at(row, t, c);
    Sequences a = linear(now, s.units, weights[0]);
    const Sequences before = linear(h, s.units, weights[0], x.channels);
    for (size_t i = 0; i < a.values.size(); i++) a.values[i] += before.values[i];
    add_bias(&a, weights[1]);
    if (s.normalized) normalize(&a, s.norm, weights[2], s.norm.kind == WN_RMS ? nullptr : &weights[3]);
    activate(&a, WN_ACT_TANH);
    h = a;
  }
  return h;
}

Sequences mean(const Sequences &x) {
  Sequences y(x.rows, 1, x.channels);
  for (int64_t row = 0; row < x.rows; row++)
    for (int64_t t = 0; t < x.steps; t++)
      for (int64_t c = 0; c < x.channels; c++) y.at(row, 0, c) += x.at(row, t, c) / static_cast<double>(x.steps);
  return y;
}

}  // namespace

Vector SequenceReference::logits(int64_t rows, const std::vector<float> &images) const {
  Sequences now(rows, form_positions(&input), input.channels);
  now.values.assign(images.begin(), images.end());
  const Vector *next = parameters.data();
  std::vector<Sequences> forks;
  for (const stage_spec &s : stages) {
    if (s.kind == &stage_linear || s.kind == &stage_linear_each) {
      if (s.kind == &stage_linear) now.channels *= now.steps, now.steps = 1;
      now = linear(now, s.units, next[0]);
      add_bias(&now, next[1]);
      next += 2;
    } else if (s.kind == &stage_places) {
      add_bias(&now, *next++);
    } else if (s.kind == &stage_attention) {
      now = attention(now, s.heads, next);
      next += 4;
    } else if (s.kind == &stage_recurrent) {
      now = recurrent(now, s, next);
      next += !s.normalized ? 2 : s.norm.kind == WN_RMS ? 3 : 4;
    } else if (s.kind == &stage_norm) {
      normalize(&now, s.norm, next[0], s.norm.kind == WN_RMS ? nullptr : &next[1]);
      activate(&now, s.norm.act);
      next += s.norm.kind == WN_RMS ? 1 : 2;
    } else if (s.kind == &stage_mean) {
      now = mean(now);
    } else if (s.kind == &stage_activation) {
      activate(&now, s.act);
    } else if (s.kind == &stage_fork) {
      forks.push_back(now);
    } else if (s.kind == &stage_join) {
      for (size_t i = 0; i < now.values.size(); i++) now.values[i] += forks.back().values[i];
      forks.pop_back();
    } else {
      ADD_FAILURE() << "a stage that this reference does not know";
    }
  }
  return now.values;
}

double SequenceReference::loss(int64_t rows, const std::vector<float> &images,
                               const std::vector<uint8_t> &labels) const {
  return cross_entropy(logits(rows, images), rows, labels);
}

}  // namespace wn
