// What a program is made of, and what it is known by.
//
// The runtime does not read MIL: ports come beside the text, in the order the text declares them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "anec/result.h"
#include "layout.h"

namespace anec::ane {

struct Port {
  std::string name;  // as in the MIL
  ElementType type = ElementType::fp16;
  std::vector<int64_t> shape;
};

// One `func` of the program.
struct Procedure {
  std::string name = "main";
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

// A file of weights. The path is the one in BLOBFILE(…): "@model_path/weights/w.bin".
struct WeightFile {
  std::string path;
  std::string bytes;
};

struct ProgramSource {
  std::string name;  // for messages
  std::string mil;
  std::vector<WeightFile> weights;
  std::string options;  // a property list for the framework's compiler, usually empty
  std::vector<Procedure> procedures;

  // Names are there and differ, weight paths stay in their folder, every port has a layout.
  Result<void> check() const;
  // SHA-256 over everything above but the name.
  std::string digest() const;
};

inline constexpr const char* model_file = "model.mil";
// "@model_path/weights/w.bin" → "weights/w.bin"; empty if the path is not of that form.
std::string weight_file(const std::string& path);

}  // namespace anec::ane
