// Every private name of Apple's frameworks, as typed functions: nothing else in the runtime spells
// one.
//
// The Objective-C runtime, CoreFoundation, IOSurface and AppleNeuralEngine.framework are found with
// dlopen and dlsym, classes and selectors through the runtime's own functions. What the runtime
// cannot do without is looked up once, in `open`; what a macOS version may lack is asked for
// by `has_…` and has a fall-back. The emulator is one library in place of all four.
//
//     auto framework = Framework::open("");          // Apple's, on a Mac
//     auto stand_in = Framework::open("libanec_emulator.so");
//
// Ownership: functions named make_… return an object the caller owns (see `Owned`); all others
// return one that lives until the surrounding autorelease pool ends.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "anec/result.h"

namespace anec::ane {

struct ObjectTag;
struct ClassTag;
struct SelectorTag;
struct SurfaceTag;
using Id = ObjectTag*;
using Class = ClassTag*;
using Selector = const SelectorTag*;
using SurfaceRef = SurfaceTag*;

// Quality of service of every call: QOS_CLASS_DEFAULT, what all published callers use.
inline constexpr uint32_t default_qos = 21;

// Keys and words of the dictionaries the framework takes and gives.
namespace key {
inline constexpr const char* model_description = "ANEFModelDescription";
inline constexpr const char* procedure_ids = "kANEFModelProcedureNameToIDMapKey";
inline constexpr const char* procedures = "ANEFModelProcedures";
inline constexpr const char* procedure_id = "ANEFModelProcedureID";
inline constexpr const char* input_symbols = "kANEFModelInputSymbolsArrayKey";
inline constexpr const char* output_symbols = "kANEFModelOutputSymbolsArrayKey";
inline constexpr const char* input_indices = "ANEFModelInputSymbolIndexArray";
inline constexpr const char* output_indices = "ANEFModelOutputSymbolIndexArray";
inline constexpr const char* network_status = "NetworkStatusList";
inline constexpr const char* live_inputs = "LiveInputList";
inline constexpr const char* live_outputs = "LiveOutputList";
inline constexpr const char* port_name = "Name";
inline constexpr const char* port_symbol = "Symbol";
inline constexpr const char* interleave = "Interleave";
inline constexpr const char* depth = "Depth";
inline constexpr const char* type = "Type";
inline constexpr const char* batches = "Batches";
inline constexpr const char* channels = "Channels";
inline constexpr const char* height = "Height";
inline constexpr const char* width = "Width";
inline constexpr const char* row_stride = "RowStride";
inline constexpr const char* plane_stride = "PlaneStride";
inline constexpr const char* batch_stride = "BatchStride";
inline constexpr const char* surface_width = "IOSurfaceWidth";
inline constexpr const char* surface_height = "IOSurfaceHeight";
inline constexpr const char* surface_element = "IOSurfaceBytesPerElement";
inline constexpr const char* surface_row = "IOSurfaceBytesPerRow";
inline constexpr const char* surface_bytes = "IOSurfaceAllocSize";
inline constexpr const char* surface_format = "IOSurfacePixelFormat";
inline constexpr const char* weight_offset = "offset";
inline constexpr const char* weight_data = "data";
inline constexpr const char* fp16 = "Float16";
inline constexpr const char* fp32 = "Float32";
inline constexpr const char* output_suffix = "@output";
}  // namespace key

// The C functions. `CF` ones take and return the objects Objective-C knows by their NS names.
struct CFunctions {
  Id (*get_class)(const char* name);
  Class (*class_of)(Id object);
  Selector (*selector)(const char* name);
  bool (*class_responds)(Class cls, Selector selector);
  void* (*pool_push)();
  void (*pool_pop)(void* pool);
  Id (*retain)(Id object);
  void (*release)(Id object);
  void (*message)();  // objc_msgSend: cast to the method's type before each call

  Id (*data_create)(const void* allocator, const uint8_t* bytes, long length);
  Id (*string_create)(const void* allocator, const uint8_t* bytes, long length, uint32_t encoding,
                      unsigned char external);
  unsigned char (*string_get)(Id string, char* buffer, long size, uint32_t encoding);
  long (*string_length)(Id string);
  long (*string_max)(long length, uint32_t encoding);
  Id (*number_create)(const void* allocator, long type, const void* value);
  unsigned char (*number_get)(Id number, long type, void* value);
  Id (*array_create)(const void* allocator, const void** values, long count, const void* callbacks);
  long (*array_count)(Id array);
  Id (*array_at)(Id array, long index);
  Id (*dictionary_create)(const void* allocator, const void** keys, const void** values, long count,
                          const void* key_callbacks, const void* value_callbacks);
  long (*dictionary_count)(Id dictionary);
  Id (*dictionary_get)(Id dictionary, const void* key);
  void (*dictionary_all)(Id dictionary, const void** keys, const void** values);
  unsigned long (*type_of)(Id object);
  unsigned long (*string_type)();
  unsigned long (*number_type)();
  unsigned long (*array_type)();
  unsigned long (*dictionary_type)();
  unsigned long (*error_type)();
  Id (*error_domain)(Id error);
  long (*error_code)(Id error);
  Id (*error_description)(Id error);  // owned by the caller
  Id (*error_info)(Id error);         // owned by the caller
  Id (*description)(Id object);       // owned by the caller
  void* array_callbacks;
  void* key_callbacks;
  void* value_callbacks;

  SurfaceRef (*surface_create)(Id properties);
  int32_t (*surface_lock)(SurfaceRef surface, uint32_t options, uint32_t* seed);
  int32_t (*surface_unlock)(SurfaceRef surface, uint32_t options, uint32_t* seed);
  void* (*surface_base)(SurfaceRef surface);
  size_t (*surface_bytes)(SurfaceRef surface);
};

// Functions that take `error` answer whether they worked; if not, *error is the NSError, or nil.
class Framework {
 public:
  // Loads the libraries and checks that every class and method the runtime needs is there.
  // `library` stands in for all of Apple's; empty means Apple's own. The error names what is
  // missing.
  static Result<std::unique_ptr<Framework>> open(const std::string& library);
  Framework(const Framework&) = delete;
  Framework& operator=(const Framework&) = delete;

  CFunctions c{};

  // _ANEInMemoryModelDescriptor and _ANEInMemoryModel. nil when the framework refuses.
  Id descriptor(Id mil, Id weights, Id options) const;
  Id model(Id descriptor) const;
  Id identifier(Id model) const;
  Id local_path(Id model) const;         // nil where this macOS does not say
  bool compiled_exists(Id model) const;  // false where this macOS does not say
  bool compile(Id model, Id options, Id* error) const;
  bool load(Id model, Id options, Id* error) const;
  bool unload(Id model, Id* error) const;
  Id attributes(Id model) const;          // nil where this macOS does not say
  void ask_for_counters(Id model) const;  // before load; does nothing where unknown

  // _ANEIOSurfaceObject and _ANERequest.
  Id surface_object(SurfaceRef surface) const;
  Id request(Id inputs, Id input_indices, Id outputs, Id output_indices, Id procedure) const;
  // Nanoseconds of the engine in the request's last evaluation; 0 where the chip gives none.
  uint64_t hardware_ns(Id request) const;

  // The shortest way this macOS has: the client's direct call, its ordinary one, or the model's.
  bool evaluate(Id model, Id options, Id request, Id* error) const;
  // Which of the three that is: "direct", "client" or "model".
  const char* way() const;

  // _ANEDeviceInfo; nil, 0 or true-ish defaults where this macOS does not say.
  Id architecture() const;
  Id build() const;
  Id product() const;
  int64_t cores() const;
  bool has_engine() const;

 private:
  Framework() = default;
  Result<void> load_libraries(const std::string& library);
  Result<void> find_classes();
  bool responds(Id cls, Selector selector) const;
  bool class_method(Id cls, Selector selector) const;

  template <class R, class... Args>
  R send(Id object, Selector selector, Args... args) const {
    using Method = R (*)(Id, Selector, Args...);
    return reinterpret_cast<Method>(c.message)(object, selector, args...);
  }

  Id descriptor_class_ = nullptr;
  Id model_class_ = nullptr;
  Id request_class_ = nullptr;
  Id surface_class_ = nullptr;
  Id client_class_ = nullptr;  // may be missing
  Id info_class_ = nullptr;    // may be missing
  int request_form_ = 0;
  int way_ = 0;

  Selector make_descriptor_, make_model_, identifier_, compile_, load_, unload_, evaluate_;
  Selector local_path_, compiled_exists_, attributes_, set_counters_, connection_, inner_model_;
  Selector make_surface_, make_request_, stats_, stats_list_, hardware_ns_;
  Selector evaluate_client_, evaluate_direct_;
  Selector architecture_, build_, product_, cores_, has_engine_;
};

// One reference to an object, given back at the end.
class Owned {
 public:
  Owned() = default;
  Owned(const Framework& framework, Id object) : framework_(&framework), object_(object) {}
  Owned(Owned&& other) noexcept : framework_(other.framework_), object_(other.object_) {
    other.object_ = nullptr;
  }
  Owned& operator=(Owned&& other) noexcept {
    std::swap(framework_, other.framework_);
    std::swap(object_, other.object_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (object_ != nullptr) framework_->c.release(object_);
  }

  // Takes a reference of its own to an object somebody else owns.
  static Owned retained(const Framework& framework, Id object) {
    return Owned(framework, object == nullptr ? nullptr : framework.c.retain(object));
  }

  Id get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  const Framework* framework_ = nullptr;
  Id object_ = nullptr;
};

// Objects that factories return live until the innermost pool of their thread ends.
class Pool {
 public:
  explicit Pool(const Framework& framework)
      : framework_(framework), pool_(framework.c.pool_push()) {}
  ~Pool() { framework_.c.pool_pop(pool_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  const Framework& framework_;
  void* pool_;
};

}  // namespace anec::ane
