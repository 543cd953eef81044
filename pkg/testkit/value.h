// For steps of scripts: the value of a result.
#pragma once

#include <stdexcept>
#include <utility>

#include "base/result.h"

namespace zc::testkit {

/// Throws the text of an error, with which the step that asked for the value ends.
template <class T>
T value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return *std::move(result);
}

}  // namespace zc::testkit
