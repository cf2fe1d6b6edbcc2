// The door of `layers.h` for JavaScript: run(layer, rows, n, ...arrays), arrays in the order of `at`.
//
// Only the bench calls it, with arrays it made itself. A name or a count that does not fit throws.

#include <cstring>
#include <string_view>

#include <node_api.h>

#include "layers.h"

namespace {

constexpr size_t most_arrays = 6;

struct Layer {
  std::string_view name;
  size_t arrays;
  unsigned vectors;  // a bit for each array of n elements; the others have rows · n
  void (*run)(int64_t rows, int64_t n, float* const* at);
};

using namespace anec::ANEC_LEVEL;
constexpr Layer layers[] = {
    {"layer_norm", 4, 0b0110, layer_norm},
    {"layer_norm_gradients", 6, 0b110010, layer_norm_gradients},
    {"swiglu", 3, 0, swiglu},
    {"swiglu_gradients", 5, 0, swiglu_gradients},
    {"gelu", 2, 0, gelu},
    {"gelu_gradient", 3, 0, gelu_gradient},
    {"gated_residual", 4, 0, gated_residual},
    {"gated_residual_gradients", 6, 0, gated_residual_gradients},
};

napi_value refuse(napi_env env, const char* why) {
  napi_throw_error(env, nullptr, why);
  return nullptr;
}

napi_value run(napi_env env, napi_callback_info info) {
  napi_value values[3 + most_arrays];
  size_t count = 3 + most_arrays;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  char name[64] = {};
  int64_t rows = 0, n = 0;
  if (count < 3 || napi_get_value_string_utf8(env, values[0], name, sizeof name, nullptr) != napi_ok ||
      napi_get_value_int64(env, values[1], &rows) != napi_ok ||
      napi_get_value_int64(env, values[2], &n) != napi_ok)
    return refuse(env, "expected a layer, rows, n and arrays");
  if (rows < 0 || n <= 0 || n % 8 != 0) return refuse(env, "n is no multiple of 8");
  for (const Layer& layer : layers) {
    if (layer.name != name) continue;
    if (count != 3 + layer.arrays) return refuse(env, "the layer takes another number of arrays");
    float* at[most_arrays];
    for (size_t i = 0; i < layer.arrays; ++i) {
      napi_typedarray_type type;
      size_t length;
      void* data;
      const auto told = napi_get_typedarray_info(env, values[3 + i], &type, &length, &data, nullptr, nullptr);
      const auto needed = static_cast<size_t>((layer.vectors >> i & 1) != 0 ? n : rows * n);
      if (told != napi_ok || type != napi_float32_array || length != needed)
        return refuse(env, "an array does not fit");
      at[i] = static_cast<float*>(data);
    }
    layer.run(rows, n, at);
    return nullptr;
  }
  return refuse(env, "no such layer");
}

napi_value start(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, nullptr, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}

}  // namespace

NAPI_MODULE(fused_kernels, start)
