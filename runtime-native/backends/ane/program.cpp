// The sequence of one program: descriptor, model, files, compile, load, requests, evaluate,
// unload; and what is tried when a step fails.

#include "program.h"

#include <algorithm>

#include "device.h"
#include "objects.h"

namespace anec::ane {
namespace {

// Requests kept by one program; a program that is run on more sets of surfaces makes some again.
constexpr size_t kept_requests = 64;

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

// What can be done about a failed evaluation.
enum class Remedy { none, retry, reload };

// A surface that is too small and a wrong symbol index stay so; a general fault may pass; after
// anything else the system's service may have lost the program.
Remedy remedy_for(const std::string& words) {
  if (has(words, "status=0x1d") || has(words, "status=0x2 ")) return Remedy::none;
  if (has(words, "status=0x16")) return Remedy::retry;
  return Remedy::reload;
}

// A text the compiler does not understand stays so.
bool is_final_refusal(const std::string& words) { return has(words, "InvalidMILProgram"); }

}  // namespace

Error Program::failure(const char* code, const std::string& what, const std::string& words) const {
  return Error{code, "the ANE " + what + " program `" + source_.name + "`", words};
}

Result<void> Program::prepare() {
  const Framework& f = device_.framework();
  const Pool pool(f);
  const auto bytes = [&](const std::string& text) {
    return make_data(f, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  std::vector<Owned> objects;
  std::vector<std::pair<Id, Id>> weights;
  const auto keep = [&](Owned object) {
    objects.push_back(std::move(object));
    return objects.back().get();
  };
  const Id offset_key = keep(make_string(f, key::weight_offset)),
           data_key = keep(make_string(f, key::weight_data));
  const Id zero = keep(make_number(f, 0));
  for (const WeightFile& file : source_.weights) {
    const Id data = keep(bytes(file.bytes));
    const Id entry = keep(make_dictionary(f, {{offset_key, zero}, {data_key, data}}));
    const Id path = keep(make_string(f, file.path));
    weights.emplace_back(path, entry);
  }
  const Id mil = keep(bytes(source_.mil));
  const Id dictionary = keep(make_dictionary(f, weights));
  const Id plist = source_.options.empty() ? nullptr : keep(bytes(source_.options));
  options_ = make_dictionary(f, {});

  descriptor_ = Owned::retained(f, f.descriptor(mil, dictionary, plist));
  if (!descriptor_) return failure("E0621", "does not take", "no descriptor was made of its text");
  model_ = Owned::retained(f, f.model(descriptor_.get()));
  if (!model_) return failure("E0621", "does not take", "no model was made of its descriptor");
  identifier_ = text_of(f, f.identifier(model_.get()));
  if (!is_inside(identifier_)) return failure("E0621", "gave no name to", identifier_);

  if (device_.options_.counters) f.ask_for_counters(model_.get());
  auto folder = ModelFolder::create(device_.folder_of(model_.get(), identifier_), source_);
  if (!folder.ok()) return folder.error();
  folder_ = std::make_unique<ModelFolder>(std::move(folder.value()));
  return {};
}

// Only compiles; one attempt spends one of the process's compiles whether it succeeds or not.
Result<void> Program::compile() {
  const Framework& f = device_.framework();
  for (int attempt = 0;; ++attempt) {
    if (device_.compiles_left() == 0)
      return Error{"E0624",
                   "this process has used up its compiles; a new process has as many again",
                   std::to_string(device_.info().compile_budget) + " compiles"};
    ++device_.counts_.compiles;
    const Pool pool(f);
    Id error = nullptr;
    if (f.compile(model_.get(), options_.get(), &error)) return {};
    const std::string words = error_text(f, error);
    if (is_final_refusal(words) || attempt + 1 >= device_.options_.retry.attempts)
      return failure("E0621", "refused to compile", words);
    device_.say("compiling `" + source_.name + "` failed and is tried again: " + words);
    device_.wait_before(attempt);
  }
}

Result<void> Program::load_once() {
  const Framework& f = device_.framework();
  const Pool pool(f);
  Id error = nullptr;
  if (!f.load(model_.get(), options_.get(), &error))
    return failure("E0622", "could not load", error_text(f, error));
  ++device_.counts_.loads;
  if (generation_ == 0) {
    binding_ = binding_of(f, f.attributes(model_.get()), source_);
    if (!binding_.note.empty()) device_.say("`" + source_.name + "`: " + binding_.note);
  }
  ++generation_;
  loaded_ = true;
  return {};
}

Result<void> Program::load() {
  auto loaded = load_once();
  if (loaded.ok()) return loaded;
  device_.say("loading `" + source_.name + "` failed and is tried again: " + loaded.error().detail);
  device_.wait_before(0);
  return load_once();
}

// What the system has compiled before is loaded at once and costs no compile.
Result<void> Program::load_or_compile() {
  if (device_.framework().compiled_exists(model_.get()) && load_once().ok()) return {};
  if (auto compiled = compile(); !compiled.ok()) return compiled;
  return load();
}

// Loads what the service has lost, unless another thread has done so since `generation`.
Result<void> Program::reload(uint64_t generation) {
  const std::unique_lock alone(state_);
  if (loaded_ && generation_ != generation) return {};
  const Framework& f = device_.framework();
  if (loaded_) {
    const Pool pool(f);
    Id ignored = nullptr;
    f.unload(model_.get(), &ignored);
    loaded_ = false;
  }
  ++device_.counts_.reloads;
  if (auto restored = folder_->restore(source_); !restored.ok()) return restored;
  if (load_once().ok()) return {};
  return load_or_compile();
}

Result<void> Program::unload() {
  const std::unique_lock alone(state_);
  if (!loaded_) return {};
  const Framework& f = device_.framework();
  const Pool pool(f);
  Id error = nullptr;
  loaded_ = false;
  if (f.unload(model_.get(), &error)) return {};
  return failure("E0622", "could not unload", error_text(f, error));
}

Program::~Program() {
  const auto ignored = unload();
  (void)ignored;
}

std::vector<FileData> Program::compiled() const { return folder_->compiled(source_); }

const Layout& Program::input_layout(int port, int procedure) const {
  return binding_.procedures[static_cast<size_t>(procedure)]
      .input_layouts[static_cast<size_t>(port)];
}

const Layout& Program::output_layout(int port, int procedure) const {
  return binding_.procedures[static_cast<size_t>(procedure)]
      .output_layouts[static_cast<size_t>(port)];
}

// A surface may be larger than its port, and cut into dimensions in another way, as long as rows
// are the same rows. A surface that is written may be named once only.
Result<void> Program::check_surfaces(std::span<Surface* const> inputs,
                                     std::span<Surface* const> outputs, int procedure) const {
  const auto wrong = [&](const std::string& what, const std::string& detail) {
    return Error{"E0626", "program `" + source_.name + "` " + what, detail};
  };
  if (procedure < 0 || procedure >= static_cast<int>(source_.procedures.size()))
    return wrong("has no procedure " + std::to_string(procedure), "");
  const auto p = static_cast<size_t>(procedure);
  const Procedure& ports = source_.procedures[p];
  if (inputs.size() != ports.inputs.size() || outputs.size() != ports.outputs.size())
    return wrong("was given the wrong number of surfaces",
                 std::to_string(inputs.size()) + " and " + std::to_string(outputs.size()) + " of " +
                     std::to_string(ports.inputs.size()) + " and " +
                     std::to_string(ports.outputs.size()));

  const auto fits = [](const Layout& surface, const Layout& port) {
    return surface.type == port.type && surface.width == port.width &&
           surface.rows() == port.rows() && surface.row_stride == port.row_stride &&
           surface.bytes() == port.bytes();
  };
  for (size_t i = 0; i < inputs.size() + outputs.size(); ++i) {
    const bool is_input = i < inputs.size();
    const size_t at = is_input ? i : i - inputs.size();
    const Surface* surface = is_input ? inputs[at] : outputs[at];
    const Port& port = is_input ? ports.inputs[at] : ports.outputs[at];
    const BoundProcedure& bound = binding_.procedures[p];
    const Layout& layout = is_input ? bound.input_layouts[at] : bound.output_layouts[at];
    if (surface == nullptr) return wrong("was given no surface for port `" + port.name + "`", "");
    if (!fits(surface->layout(), layout))
      return wrong("was given a surface that does not fit port `" + port.name + "`",
                   surface->layout().text() + " for " + layout.text());
    if (is_input) continue;
    const bool twice = std::find(inputs.begin(), inputs.end(), surface) != inputs.end() ||
                       std::count(outputs.begin(), outputs.end(), surface) > 1;
    if (twice) return wrong("would write port `" + port.name + "` over another port", "");
  }
  return {};
}

Result<std::shared_ptr<Program::Request>> Program::make_request(std::span<Surface* const> inputs,
                                                                std::span<Surface* const> outputs,
                                                                int procedure) const {
  const Framework& f = device_.framework();
  const Pool pool(f);
  const BoundProcedure& bound = binding_.procedures[static_cast<size_t>(procedure)];
  std::vector<Owned> numbers;
  std::vector<Id> in, in_symbols, out, out_symbols;
  const auto add = [&](const BoundPort& port, std::span<Surface* const> surfaces,
                       std::vector<Id>& objects, std::vector<Id>& symbols) {
    objects.push_back(surfaces[static_cast<size_t>(port.port)]->object());
    numbers.push_back(make_number(f, port.symbol));
    symbols.push_back(numbers.back().get());
  };
  for (const BoundPort& port : bound.inputs) add(port, inputs, in, in_symbols);
  for (const BoundPort& port : bound.outputs) add(port, outputs, out, out_symbols);
  const Owned id = make_number(f, bound.id);
  const Owned lists[] = {make_array(f, in), make_array(f, in_symbols), make_array(f, out),
                         make_array(f, out_symbols)};
  auto request = std::make_shared<Request>();
  request->procedure = procedure;
  for (const auto& side : {inputs, outputs})
    for (const Surface* surface : side) request->surfaces.push_back(surface->id());
  request->object = Owned::retained(
      f, f.request(lists[0].get(), lists[1].get(), lists[2].get(), lists[3].get(), id.get()));
  if (!request->object) return failure("E0623", "took no request for", "the request is nil");
  return request;
}

Result<std::shared_ptr<Program::Request>> Program::request(std::span<Surface* const> inputs,
                                                           std::span<Surface* const> outputs,
                                                           int procedure) {
  const std::lock_guard guard(requests_mutex_);
  const auto is_of = [](uint64_t id, const Surface* surface) {
    return surface != nullptr && surface->id() == id;
  };
  for (const auto& known : requests_) {
    if (known->procedure != procedure || known->surfaces.size() != inputs.size() + outputs.size())
      continue;
    const auto middle = known->surfaces.begin() + static_cast<long>(inputs.size());
    if (!std::equal(known->surfaces.begin(), middle, inputs.begin(), is_of)) continue;
    if (!std::equal(middle, known->surfaces.end(), outputs.begin(), is_of)) continue;
    known->used = ++clock_;
    return known;
  }
  if (auto checked = check_surfaces(inputs, outputs, procedure); !checked.ok())
    return checked.error();
  auto made = make_request(inputs, outputs, procedure);
  if (!made.ok()) return made;
  if (requests_.size() >= kept_requests) {
    requests_.erase(
        std::min_element(requests_.begin(), requests_.end(),
                         [](const auto& a, const auto& b) { return a->used < b->used; }));
  }
  made.value()->used = ++clock_;
  requests_.push_back(made.value());
  return made;
}

Result<void> Program::prepare_request(std::span<Surface* const> inputs,
                                      std::span<Surface* const> outputs, int procedure) {
  auto made = request(inputs, outputs, procedure);
  if (!made.ok()) return made.error();
  return {};
}

void Program::forget(const Surface& surface) {
  const std::lock_guard guard(requests_mutex_);
  std::erase_if(requests_, [&](const auto& request) {
    return std::find(request->surfaces.begin(), request->surfaces.end(), surface.id()) !=
           request->surfaces.end();
  });
}

// `words` is what the framework said, empty if the program was not loaded in the first place.
Result<void> Program::evaluate_once(const Request& request, std::string& words,
                                    uint64_t& generation) {
  const Framework& f = device_.framework();
  const std::shared_lock together(state_);
  generation = generation_;
  if (!loaded_) return failure("E0622", "has unloaded", "");
  const Pool pool(f);
  Id error = nullptr;
  device_.take_slot();
  const bool done = f.evaluate(model_.get(), options_.get(), request.object.get(), &error);
  device_.give_slot();
  ++device_.counts_.evaluations;
  if (!done) {
    words = error_text(f, error);
    return failure("E0623", "failed to run", words);
  }
  hardware_ns_ = f.hardware_ns(request.object.get());
  device_.counts_.hardware_ns += hardware_ns_;
  return {};
}

Result<void> Program::evaluate(std::span<Surface* const> inputs, std::span<Surface* const> outputs,
                               int procedure) {
  const auto found = request(inputs, outputs, procedure);
  if (!found.ok()) return found.error();
  for (int attempt = 0;; ++attempt) {
    std::string words;
    uint64_t generation = 0;
    auto done = evaluate_once(*found.value(), words, generation);
    if (done.ok()) return done;
    const Remedy remedy = remedy_for(words);
    if (remedy == Remedy::none || attempt + 1 >= device_.options_.retry.attempts) return done;
    if (!words.empty()) {
      ++device_.counts_.retries;
      device_.say("running `" + source_.name + "` failed and is tried again: " + words);
      device_.wait_before(attempt);
    }
    if (remedy == Remedy::retry) continue;
    if (auto loaded = reload(generation); !loaded.ok()) return loaded;
  }
}

}  // namespace anec::ane
