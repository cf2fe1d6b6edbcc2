// Descriptors and models: what is compiled, loaded, unloaded, and what a program says of its ports.

#include "model_classes.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../ane/digest.h"
#include "../../ane/files.h"
#include "state.h"

namespace anec::emulator {
namespace {

constexpr const char* compiler_domain = "com.apple.appleneuralengine.compiler";
constexpr int64_t state_loaded = 3;
constexpr uint32_t highest_qos = 63;

std::string temporary_folder() {
  const char* named = std::getenv("TMPDIR");
  std::string path = named == nullptr || *named == '\0' ? "/tmp" : named;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string folder_of(const Model* model) {
  return temporary_folder() + "/" + model->descriptor->identifier;
}

// "@model_path/weights/w.bin" → "weights/w.bin".
std::string relative_path(const std::string& path) {
  constexpr std::string_view prefix = "@model_path/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : "";
}

// What a compiler before macOS 26 leaves in the folder.
std::string compiled_file(const Model* model) {
  return "compiled by the emulator\n" + model->descriptor->identifier + "\n" +
         ane::sha256(model->descriptor->mil) + "\n";
}

std::string store_path(const Model* model) {
  return options().store.empty() ? "" : options().store + "/" + model->descriptor->identifier;
}

signed char compile_failure(void** error, const std::string& word, const std::string& reason) {
  std::vector<std::pair<std::string, Object*>> info;
  if (!reason.empty()) info.emplace_back("AnecEmulatorReason", text(reason));
  return fail(error, compiler_domain, 1, "_ANECompiler : ANECCompile() FAILED (err=(" + word + "))",
              info);
}

// Empty if the folder holds what the descriptor was made of.
std::string missing_file(const Model* model) {
  const std::string folder = folder_of(model);
  const auto differs = [&](const std::string& path, const std::string& bytes) {
    const auto there = ane::read_file(folder + "/" + path);
    return !there.has_value() || *there != bytes;
  };
  if (differs("model.mil", model->descriptor->mil)) return folder + "/model.mil";
  for (const auto& [path, bytes] : model->descriptor->weights)
    if (differs(relative_path(path), bytes)) return folder + "/" + relative_path(path);
  return "";
}

// + modelWithMILText:weights:optionsPlist:
Object* make_descriptor(Object*, Selector, const void* mil, const void* weights,
                        const void* plist) {
  const char* where = "+[_ANEInMemoryModelDescriptor modelWithMILText:weights:optionsPlist:]";
  const Data* bytes = data_in(mil, where);
  if (bytes == nullptr || happens(Fault::nil_descriptor)) return nullptr;
  const Dictionary* files = dictionary_in(weights, where);  // nil crashes some builds
  const Data* options = plist == nullptr ? nullptr : data_in(plist, where);
  if (files == nullptr || (plist != nullptr && options == nullptr)) return nullptr;

  auto* descriptor = new Descriptor();
  autorelease(descriptor);
  descriptor->mil = bytes->bytes;
  if (options != nullptr) descriptor->options = options->bytes;
  ane::Sha256 sum;
  for (const auto& [key, value] : files->entries) {
    const Text* path = text_in(key, where);
    const Dictionary* entry = dictionary_in(value, where);
    if (path == nullptr || entry == nullptr) return nullptr;
    const Data* data = data_in(entry->find("data"), "the `data` of a weight file");
    const Object* offset = entry->find("offset");
    if (data == nullptr ||
        (offset != nullptr && number_in(offset, "the `offset` of a weight file") == nullptr))
      return nullptr;
    if (!ane::is_inside(relative_path(path->value))) {
      violation(std::string(where) + ": a weight file named " + path->value);
      return nullptr;
    }
    descriptor->weights.emplace_back(path->value, data->bytes);
    sum.add_field(path->value);
    sum.add_field(data->bytes);
  }
  descriptor->identifier =
      ane::sha256(descriptor->mil) + "_" + ane::sha256(descriptor->options) + "_" + sum.hex();
  return descriptor;
}

// + inMemoryModelWithDescriptor:
Object* make_model(Object*, Selector, const void* descriptor) {
  auto* found =
      checked(descriptor, Kind::other, "+[_ANEInMemoryModel inMemoryModelWithDescriptor:]");
  if (found == nullptr || name_of(found) != "_ANEInMemoryModelDescriptor") {
    if (found != nullptr)
      violation("+[_ANEInMemoryModel inMemoryModelWithDescriptor:]: a " + name_of(found));
    return nullptr;
  }
  if (happens(Fault::nil_model)) return nullptr;
  return autorelease(new Model(static_cast<Descriptor*>(found)));
}

Object* identifier(Model* self, Selector) { return text(self->descriptor->identifier); }
Object* local_path(Model* self, Selector) { return text(folder_of(self)); }

signed char compiled_exists(Model* self, Selector) {
  if (find_compiled(self->descriptor->identifier) != nullptr) return 1;
  const std::string stored = store_path(self);
  return !stored.empty() && ane::read_file(stored).has_value();
}

// - compileWithQoS:options:error:
signed char compile(Model* self, Selector, uint32_t qos, const void* how, void** error) {
  if (!check_call("-[_ANEInMemoryModel compileWithQoS:options:error:]", qos, how)) return 0;
  const int64_t number = ++counters().compiles;
  if (options().compile_limit >= 0 && number > options().compile_limit)
    return compile_failure(error, "",
                           "this process has compiled " + std::to_string(number - 1) + " programs");
  if (const std::string missing = missing_file(self); !missing.empty()) {
    violation("compileWithQoS: " + missing +
              " is not there or differs from what the descriptor was given");
    return compile_failure(error, "CompilationFailure", missing + " is not there");
  }
  if (happens(Fault::transient_compile))
    return compile_failure(error, "CompilationFailure", "a fault that passes");
  auto compiled = compile_text(self->descriptor->mil, self->descriptor->weights);
  if (!compiled.ok())
    return compile_failure(error, compiled.error().message, compiled.error().detail);

  keep_compiled(self->descriptor->identifier, compiled.value());
  self->compiled_here = true;
  if (options().leaves_files) {
    auto written = ane::write_file(folder_of(self) + "/net.plist", compiled_file(self), false);
    if (!written.ok()) return compile_failure(error, "", written.error().detail);
    written = ane::write_file(folder_of(self) + "/data", self->descriptor->mil, false);
    if (!written.ok()) return compile_failure(error, "", written.error().detail);
  }
  if (const std::string stored = store_path(self); !stored.empty()) {
    auto written = ane::write_file(stored, compiled_file(self), false);
    (void)written;
  }
  return 1;
}

// What can be loaded: what the service has compiled, or what lies in the folder or the store.
std::shared_ptr<const Compiled> loadable(const Model* model) {
  if (auto compiled = find_compiled(model->descriptor->identifier)) return compiled;
  const std::string expected = compiled_file(model);
  const std::string folder = folder_of(model), stored = store_path(model);
  const bool in_folder = options().leaves_files &&
                         ane::read_file(folder + "/net.plist") == expected &&
                         ane::read_file(folder + "/data") == model->descriptor->mil;
  const bool in_store = !stored.empty() && ane::read_file(stored) == expected;
  if (!in_folder && !in_store) return nullptr;
  auto compiled = compile_text(model->descriptor->mil, model->descriptor->weights);
  if (!compiled.ok()) return nullptr;
  keep_compiled(model->descriptor->identifier, compiled.value());
  return compiled.value();
}

// - loadWithQoS:options:error:
signed char load(Model* self, Selector, uint32_t qos, const void* how, void** error) {
  if (!check_call("-[_ANEInMemoryModel loadWithQoS:options:error:]", qos, how)) return 0;
  const std::lock_guard guard(self->mutex);
  if (self->loaded != nullptr && self->epoch == service_epoch()) {
    violation("loadWithQoS: the model is loaded already");
    return 1;
  }
  if (happens(Fault::transient_load))
    return fail(error, engine_domain, 1, "ANERuntimeError: a load fault that passes",
                {{"NSUnderlyingError", error_object(engine_domain, 4, "the service is busy")},
                 {"Loaded", number(counters().loaded)}});
  auto compiled = loadable(self);
  if (compiled == nullptr)
    return fail(error, engine_domain, 1,
                "ANERuntimeErrorCacheMiss: " + self->descriptor->identifier);
  self->loaded = std::move(compiled);
  self->epoch = service_epoch();
  Counters& c = counters();
  ++c.loads;
  if (const int64_t now = ++c.loaded; now > c.most_loaded) c.most_loaded = now;
  return 1;
}

// - unloadWithQoS:error:
signed char unload(Model* self, Selector, uint32_t qos, void** error) {
  if (qos > highest_qos) violation("unloadWithQoS: there is no such quality of service");
  const std::lock_guard guard(self->mutex);
  if (self->loaded == nullptr) {
    violation("unloadWithQoS: the model is not loaded");
    return 0;
  }
  self->loaded = nullptr;
  ++counters().unloads;
  if (self->epoch != service_epoch())
    return fail(error, engine_domain, 1, "the service has no such program");
  --counters().loaded;
  if (happens(Fault::unload)) return fail(error, engine_domain, 1, "ANEProgramDestroy() Failed");
  return 1;
}

bool lies_about(const char* what) { return options().lie == what; }

Object* symbols(const std::vector<PortLayout>& ports, const char* suffix) {
  std::vector<Object*> names;
  for (const PortLayout& port : ports)
    names.push_back(text((lies_about("name") ? "other_" : "") + port.name + suffix));
  return array(names);
}

Object* numbers(int64_t first, size_t count) {
  std::vector<Object*> list;
  if (lies_about("count")) ++count;
  for (size_t i = 0; i < count; ++i) list.push_back(number(first + static_cast<int64_t>(i)));
  return array(list);
}

Object* live_list(const std::vector<PortLayout>& ports, const char* suffix) {
  std::vector<Object*> list;
  for (const PortLayout& p : ports) {
    const std::string name = (lies_about("live") ? "other_" : "") + p.name + suffix;
    const char* type = p.type == ElementType::fp16 ? "Float16" : "Float32";
    list.push_back(dictionary({{"Symbol", text(name)},
                               {"Type", text(lies_about("type") ? "UInt8" : type)},
                               {"Batches", number(p.n)},
                               {"Channels", number(p.c)},
                               {"Depth", number(1)},
                               {"Height", number(p.h)},
                               {"Width", number(p.w)},
                               {"Interleave", number(lies_about("interleave") ? 4 : 1)},
                               {"PlaneCount", number(p.c)},
                               {"RowStride", number(lies_about("strides") ? 2 : p.row)},
                               {"PlaneStride", number(p.plane)},
                               {"DepthStride", number(p.batch)},
                               {"BatchStride", number(p.batch)}}));
  }
  return array(list);
}

// - modelAttributes
Object* attributes(Model* self, Selector) {
  const std::lock_guard guard(self->mutex);
  if (self->loaded == nullptr || !options().attributes) return dictionary({});
  std::vector<Object*> procedures, status;
  std::vector<PortLayout> inputs, outputs;
  std::vector<std::pair<std::string, Object*>> ids;
  int64_t id = 0;
  for (const Entry& entry : self->loaded->entries) {
    inputs.insert(inputs.end(), entry.inputs.begin(), entry.inputs.end());
    outputs.insert(outputs.end(), entry.outputs.begin(), entry.outputs.end());
    procedures.push_back(dictionary(
        {{"ANEFModelProcedureID", number(lies_about("procedure") ? id + 100 : id)},
         {"ANEFModelInputSymbolIndexArray", numbers(entry.first_input, entry.inputs.size())},
         {"ANEFModelOutputSymbolIndexArray", numbers(entry.first_output, entry.outputs.size())}}));
    status.push_back(dictionary({{"LiveInputList", live_list(entry.inputs, "")},
                                 {"LiveOutputList", live_list(entry.outputs, "@output")}}));
    ids.emplace_back(entry.name, number(id++));
  }
  Object* description =
      dictionary({{"kANEFModelInputSymbolsArrayKey", symbols(inputs, "")},
                  {"kANEFModelOutputSymbolsArrayKey", symbols(outputs, "@output")},
                  {"ANEFModelProcedures", array(procedures)},
                  {"kANEFModelProcedureNameToIDMapKey", dictionary(ids)}});
  return dictionary({{"ANEFModelDescription", description}, {"NetworkStatusList", array(status)}});
}

void set_counter_mask(Model* self, Selector, uint32_t mask) { self->counter_mask = mask; }
uint64_t state_of(Model* self, Selector) { return self->loaded == nullptr ? 1 : state_loaded; }
Object* inner_model(Model* self, Selector) { return self; }

signed char evaluate(Model* self, Selector, uint32_t qos, const void* how, const void* request,
                     void** error) {
  return evaluate_request(self, qos, how, request, error);
}

}  // namespace

Descriptor::Descriptor() : Object(declare_class("_ANEInMemoryModelDescriptor"), Kind::other) {}

Model::Model(Descriptor* d)
    : Object(declare_class("_ANEInMemoryModel"), Kind::other), descriptor(d) {
  retain(descriptor);
}

Model::~Model() {
  if (loaded != nullptr && epoch == service_epoch()) {
    violation("an _ANEInMemoryModel was released while it was loaded");
    --counters().loaded;
  }
  release(descriptor);
}

bool check_call(const char* where, uint32_t qos, const void* how) {
  if (qos > highest_qos) violation(std::string(where) + ": there is no such quality of service");
  return qos <= highest_qos && dictionary_in(how, where) != nullptr;
}

void declare_model_classes() {
  Class* descriptor = declare_class("_ANEInMemoryModelDescriptor");
  factory_method(descriptor, "modelWithMILText:weights:optionsPlist:", make_descriptor);

  Class* model = declare_class("_ANEInMemoryModel");
  factory_method(model, "inMemoryModelWithDescriptor:", make_model);
  instance_method(model, "hexStringIdentifier", identifier);
  instance_method(model, "localModelPath", local_path);
  instance_method(model, "compiledModelExists", compiled_exists);
  instance_method(model, "compileWithQoS:options:error:", compile);
  instance_method(model, "loadWithQoS:options:error:", load);
  instance_method(model, "unloadWithQoS:error:", unload);
  instance_method(model, "evaluateWithQoS:options:request:error:", evaluate);
  instance_method(model, "modelAttributes", attributes);
  instance_method(model, "setPerfStatsMask:", set_counter_mask);
  instance_method(model, "state", state_of);
  instance_method(model, "model", inner_model);
}

}  // namespace anec::emulator
