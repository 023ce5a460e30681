// A part that most values of a struct have not: a pointer there, and memory of its own where it is
// not as it is made. On the wire it is what it holds.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace skep {

template <class T> class Rare {
 public:
  Rare() = default;
  explicit Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare&&) noexcept = default;
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other) : nullptr) {}
  Rare& operator=(const Rare& other) { return *this = Rare(other); }
  ~Rare() = default;

  const T& operator*() const {
    static const T kNone;
    return value_ ? *value_ : kNone;
  }
  const T* operator->() const { return &**this; }
  T& make() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }

  template <class M, class V> static void fields(M& m, V&& v) {
    if constexpr (std::is_const_v<M>) {
      T::fields(*m, v);
    } else {
      T::fields(m.make(), v);
      if (*m == T{}) m.value_.reset();
    }
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace skep
