// The names: libraries, functions, classes and selectors, in three tables, and the calls they make.

#include "framework.h"

#include <dlfcn.h>

#include <iterator>

namespace anec::ane {
namespace {

// Apple's libraries, in the order they are searched. All but the last are on every Mac.
constexpr const char* apple_libraries[] = {
    "/usr/lib/libobjc.A.dylib",
    "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
    "/System/Library/Frameworks/IOSurface.framework/IOSurface",
    "/System/Library/PrivateFrameworks/AppleNeuralEngine.framework/AppleNeuralEngine",
};

// The forms of a request's factory, the one with most arguments first. Which arguments a form takes
// between the output indices and the procedure: weights buffer, performance counters.
struct RequestForm {
  const char* selector;
  int nils;
};
constexpr RequestForm request_forms[] = {
    {"requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:perfStats:procedureIndex:",
     2},
    {"requestWithInputs:inputIndices:outputs:outputIndices:perfStats:procedureIndex:", 1},
    {"requestWithInputs:inputIndices:outputs:outputIndices:weightsBuffer:procedureIndex:", 1},
    {"requestWithInputs:inputIndices:outputs:outputIndices:procedureIndex:", 0},
};

// Counters of the chip that a model asks for; the low four bits are those with a driver mask.
constexpr uint32_t counter_mask = 0xF;

Error missing(const std::string& what, const std::string& detail) {
  return Error{"E0620", "the ANE framework on this system has no " + what, detail};
}

}  // namespace

Result<std::unique_ptr<Framework>> Framework::open(const std::string& library) {
  std::unique_ptr<Framework> framework(new Framework());
  if (auto loaded = framework->load_libraries(library); !loaded.ok()) return loaded.error();
  if (auto found = framework->find_classes(); !found.ok()) return found.error();
  return framework;
}

// Libraries stay loaded: Objective-C classes cannot be unloaded.
Result<void> Framework::load_libraries(const std::string& library) {
  void* handles[std::size(apple_libraries)];
  size_t count = 0;
  const auto add = [&](const char* path) -> Result<void> {
    void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* why = dlerror();
      return Error{"E0620", std::string("cannot load ") + path, why == nullptr ? "" : why};
    }
    handles[count++] = handle;
    return {};
  };
  if (!library.empty()) {
    if (auto added = add(library.c_str()); !added.ok()) return added;
  } else {
    for (const char* path : apple_libraries)
      if (auto added = add(path); !added.ok()) return added;
  }

  const auto slot = [](auto& function) { return reinterpret_cast<void**>(&function); };
  const struct {
    const char* name;
    void** to;
  } symbols[] = {
      {"objc_getClass", slot(c.get_class)},
      {"object_getClass", slot(c.class_of)},
      {"sel_registerName", slot(c.selector)},
      {"class_respondsToSelector", slot(c.class_responds)},
      {"objc_autoreleasePoolPush", slot(c.pool_push)},
      {"objc_autoreleasePoolPop", slot(c.pool_pop)},
      {"objc_retain", slot(c.retain)},
      {"objc_release", slot(c.release)},
      {"objc_msgSend", slot(c.message)},
      {"CFDataCreate", slot(c.data_create)},
      {"CFStringCreateWithBytes", slot(c.string_create)},
      {"CFStringGetCString", slot(c.string_get)},
      {"CFStringGetLength", slot(c.string_length)},
      {"CFStringGetMaximumSizeForEncoding", slot(c.string_max)},
      {"CFNumberCreate", slot(c.number_create)},
      {"CFNumberGetValue", slot(c.number_get)},
      {"CFArrayCreate", slot(c.array_create)},
      {"CFArrayGetCount", slot(c.array_count)},
      {"CFArrayGetValueAtIndex", slot(c.array_at)},
      {"CFDictionaryCreate", slot(c.dictionary_create)},
      {"CFDictionaryGetCount", slot(c.dictionary_count)},
      {"CFDictionaryGetValue", slot(c.dictionary_get)},
      {"CFDictionaryGetKeysAndValues", slot(c.dictionary_all)},
      {"CFGetTypeID", slot(c.type_of)},
      {"CFStringGetTypeID", slot(c.string_type)},
      {"CFNumberGetTypeID", slot(c.number_type)},
      {"CFArrayGetTypeID", slot(c.array_type)},
      {"CFDictionaryGetTypeID", slot(c.dictionary_type)},
      {"CFErrorGetTypeID", slot(c.error_type)},
      {"CFErrorGetDomain", slot(c.error_domain)},
      {"CFErrorGetCode", slot(c.error_code)},
      {"CFErrorCopyDescription", slot(c.error_description)},
      {"CFErrorCopyUserInfo", slot(c.error_info)},
      {"CFCopyDescription", slot(c.description)},
      {"kCFTypeArrayCallBacks", slot(c.array_callbacks)},
      {"kCFTypeDictionaryKeyCallBacks", slot(c.key_callbacks)},
      {"kCFTypeDictionaryValueCallBacks", slot(c.value_callbacks)},
      {"IOSurfaceCreate", slot(c.surface_create)},
      {"IOSurfaceLock", slot(c.surface_lock)},
      {"IOSurfaceUnlock", slot(c.surface_unlock)},
      {"IOSurfaceGetBaseAddress", slot(c.surface_base)},
      {"IOSurfaceGetAllocSize", slot(c.surface_bytes)},
  };
  for (const auto& symbol : symbols) {
    void* found = nullptr;
    for (size_t i = 0; i < count && found == nullptr; ++i) found = dlsym(handles[i], symbol.name);
    if (found == nullptr)
      return missing(std::string("function ") + symbol.name, library.empty() ? "" : library);
    *symbol.to = found;
  }
  return {};
}

bool Framework::responds(Id cls, Selector selector) const {
  return cls != nullptr && c.class_responds(reinterpret_cast<Class>(cls), selector);
}

// A class method is an instance method of the class's own class.
bool Framework::class_method(Id cls, Selector selector) const {
  return cls != nullptr && c.class_responds(c.class_of(cls), selector);
}

Result<void> Framework::find_classes() {
  const struct {
    const char* name;
    Id* to;
    bool required;
  } classes[] = {
      {"_ANEInMemoryModelDescriptor", &descriptor_class_, true},
      {"_ANEInMemoryModel", &model_class_, true},
      {"_ANERequest", &request_class_, true},
      {"_ANEIOSurfaceObject", &surface_class_, true},
      {"_ANEClient", &client_class_, false},
      {"_ANEDeviceInfo", &info_class_, false},
  };
  for (const auto& cls : classes) {
    *cls.to = c.get_class(cls.name);
    if (*cls.to == nullptr && cls.required) return missing(std::string("class ") + cls.name, "");
  }

  enum Kind { instance, factory };
  const struct {
    const char* name;
    Selector* to;
    Id cls;  // must respond; nullptr: the method may be missing
    const char* cls_name;
    Kind kind;
  } selectors[] = {
      {"modelWithMILText:weights:optionsPlist:", &make_descriptor_, descriptor_class_,
       "_ANEInMemoryModelDescriptor", factory},
      {"inMemoryModelWithDescriptor:", &make_model_, model_class_, "_ANEInMemoryModel", factory},
      {"hexStringIdentifier", &identifier_, model_class_, "_ANEInMemoryModel", instance},
      {"compileWithQoS:options:error:", &compile_, model_class_, "_ANEInMemoryModel", instance},
      {"loadWithQoS:options:error:", &load_, model_class_, "_ANEInMemoryModel", instance},
      {"unloadWithQoS:error:", &unload_, model_class_, "_ANEInMemoryModel", instance},
      {"evaluateWithQoS:options:request:error:", &evaluate_, model_class_, "_ANEInMemoryModel",
       instance},
      {"objectWithIOSurface:", &make_surface_, surface_class_, "_ANEIOSurfaceObject", factory},
      {"localModelPath", &local_path_, nullptr, "", instance},
      {"compiledModelExists", &compiled_exists_, nullptr, "", instance},
      {"modelAttributes", &attributes_, nullptr, "", instance},
      {"setPerfStatsMask:", &set_counters_, nullptr, "", instance},
      {"sharedConnection", &connection_, nullptr, "", instance},
      {"model", &inner_model_, nullptr, "", instance},
      {"perfStats", &stats_, nullptr, "", instance},
      {"perfStatsArray", &stats_list_, nullptr, "", instance},
      {"hwExecutionTime", &hardware_ns_, nullptr, "", instance},
      {"evaluateWithModel:options:request:qos:error:", &evaluate_client_, nullptr, "", instance},
      {"doEvaluateDirectWithModel:options:request:qos:error:", &evaluate_direct_, nullptr, "",
       instance},
      {"aneArchitectureType", &architecture_, nullptr, "", factory},
      {"buildVersion", &build_, nullptr, "", factory},
      {"productName", &product_, nullptr, "", factory},
      {"numANECores", &cores_, nullptr, "", factory},
      {"hasANE", &has_engine_, nullptr, "", factory},
  };
  for (const auto& s : selectors) {
    *s.to = c.selector(s.name);
    if (s.cls == nullptr) continue;
    const bool found = s.kind == factory ? class_method(s.cls, *s.to) : responds(s.cls, *s.to);
    if (!found)
      return missing(std::string("method ") + (s.kind == factory ? "+[" : "-[") + s.cls_name + " " +
                         s.name + "]",
                     "");
  }

  request_form_ = -1;
  for (const RequestForm& form : request_forms) {
    make_request_ = c.selector(form.selector);
    if (!class_method(request_class_, make_request_)) continue;
    request_form_ = static_cast<int>(&form - request_forms);
    break;
  }
  if (request_form_ < 0)
    return missing(std::string("method +[_ANERequest ") + request_forms[0].selector + "]",
                   "nor one of its shorter forms");

  if (responds(model_class_, connection_) && responds(model_class_, inner_model_)) {
    if (responds(client_class_, evaluate_direct_)) way_ = 2;
    else if (responds(client_class_, evaluate_client_)) way_ = 1;
  }
  return {};
}

Id Framework::descriptor(Id mil, Id weights, Id options) const {
  return send<Id>(descriptor_class_, make_descriptor_, mil, weights, options);
}

Id Framework::model(Id descriptor) const { return send<Id>(model_class_, make_model_, descriptor); }

Id Framework::identifier(Id model) const { return send<Id>(model, identifier_); }

Id Framework::local_path(Id model) const {
  return responds(model_class_, local_path_) ? send<Id>(model, local_path_) : nullptr;
}

bool Framework::compiled_exists(Id model) const {
  return responds(model_class_, compiled_exists_) &&
         send<signed char>(model, compiled_exists_) != 0;
}

bool Framework::compile(Id model, Id options, Id* error) const {
  return send<signed char>(model, compile_, default_qos, options, error) != 0;
}

bool Framework::load(Id model, Id options, Id* error) const {
  return send<signed char>(model, load_, default_qos, options, error) != 0;
}

bool Framework::unload(Id model, Id* error) const {
  return send<signed char>(model, unload_, default_qos, error) != 0;
}

Id Framework::attributes(Id model) const {
  return responds(model_class_, attributes_) ? send<Id>(model, attributes_) : nullptr;
}

void Framework::ask_for_counters(Id model) const {
  if (responds(model_class_, set_counters_)) send<void>(model, set_counters_, counter_mask);
}

Id Framework::surface_object(SurfaceRef surface) const {
  return send<Id>(surface_class_, make_surface_, surface);
}

Id Framework::request(Id inputs, Id input_indices, Id outputs, Id output_indices,
                      Id procedure) const {
  const Id none = nullptr;
  switch (request_forms[request_form_].nils) {
    case 2:
      return send<Id>(request_class_, make_request_, inputs, input_indices, outputs, output_indices,
                      none, none, procedure);
    case 1:
      return send<Id>(request_class_, make_request_, inputs, input_indices, outputs, output_indices,
                      none, procedure);
    default:
      return send<Id>(request_class_, make_request_, inputs, input_indices, outputs, output_indices,
                      procedure);
  }
}

uint64_t Framework::hardware_ns(Id request) const {
  Id stats = nullptr;
  if (responds(request_class_, stats_)) stats = send<Id>(request, stats_);
  if (stats == nullptr && responds(request_class_, stats_list_)) {
    const Id list = send<Id>(request, stats_list_);
    if (list != nullptr && c.array_count(list) > 0) stats = c.array_at(list, 0);
  }
  if (stats == nullptr || !c.class_responds(c.class_of(stats), hardware_ns_)) return 0;
  return send<uint64_t>(stats, hardware_ns_);
}

bool Framework::evaluate(Id model, Id options, Id request, Id* error) const {
  if (way_ > 0) {
    const Id client = send<Id>(model, connection_);
    const Id inner = send<Id>(model, inner_model_);
    if (client != nullptr && inner != nullptr) {
      const Selector selector = way_ == 2 ? evaluate_direct_ : evaluate_client_;
      return send<signed char>(client, selector, inner, options, request, default_qos, error) != 0;
    }
  }
  return send<signed char>(model, evaluate_, default_qos, options, request, error) != 0;
}

const char* Framework::way() const {
  constexpr const char* ways[] = {"model", "client", "direct"};
  return ways[way_];
}

Id Framework::architecture() const {
  return class_method(info_class_, architecture_) ? send<Id>(info_class_, architecture_) : nullptr;
}

Id Framework::build() const {
  return class_method(info_class_, build_) ? send<Id>(info_class_, build_) : nullptr;
}

Id Framework::product() const {
  return class_method(info_class_, product_) ? send<Id>(info_class_, product_) : nullptr;
}

int64_t Framework::cores() const {
  return class_method(info_class_, cores_)
             ? static_cast<int64_t>(send<uint32_t>(info_class_, cores_))
             : 0;
}

bool Framework::has_engine() const {
  return !class_method(info_class_, has_engine_) ||
         send<signed char>(info_class_, has_engine_) != 0;
}

}  // namespace anec::ane
