// Surfaces get the layout of the first program that uses them; values move in blocks of rows.

#include "session_engine.h"

#include <algorithm>
#include <utility>

namespace anec::ane {

Result<std::unique_ptr<SessionEngine>> SessionEngine::create(const EngineSource& source,
                                                             DeviceOptions options,
                                                             CacheOptions cache) {
  std::unique_ptr<SessionEngine> engine(new SessionEngine());
  options.say = [notes = engine->notes_.get()](const std::string& sentence) {
    const std::lock_guard guard(notes->mutex);
    notes->sentences.push_back(sentence);
  };
  auto device = Device::open(std::move(options));
  if (!device.ok()) return device.error();
  engine->device_ = std::move(device.value());
  engine->cache_ = std::make_unique<ProgramCache>(*engine->device_, std::move(cache));
  engine->workspace_ = std::make_unique<Workspace>(*engine->device_, *engine->cache_);
  Workspace& workspace = *engine->workspace_;

  std::vector<int> programs;
  for (const ProgramSource& program : source.programs) {
    auto added = workspace.add_program(program);
    if (!added.ok()) return added.error();
    programs.push_back(added.value());
  }
  // A surface has the layout that the first program to use it expects.
  std::vector<Layout> layouts(source.surfaces.size());
  std::vector<bool> known(source.surfaces.size(), false);
  const auto expect = [&](int surface, const Layout& layout) {
    const auto at = static_cast<size_t>(surface);
    if (surface < 0 || at >= layouts.size() || known[at]) return;
    layouts[at] = layout;
    known[at] = true;
  };
  for (const EngineSource::Call& call : source.calls) {
    if (call.program < 0 || call.program >= static_cast<int>(programs.size()))
      return Error{"E0603", "the plan is malformed: a call of no program", call.label};
    const Program& program = workspace.program(programs[static_cast<size_t>(call.program)]);
    const Procedure& ports = program.source().procedures.front();
    if (call.inputs.size() != ports.inputs.size() || call.outputs.size() != ports.outputs.size())
      return Error{"E0603", "the plan is malformed: a call has not the ports of its program", call.label};
    for (size_t i = 0; i < call.inputs.size(); ++i)
      expect(call.inputs[i], program.input_layout(static_cast<int>(i)));
    for (size_t i = 0; i < call.outputs.size(); ++i)
      expect(call.outputs[i], program.output_layout(static_cast<int>(i)));
  }
  int64_t most = 0;
  for (size_t i = 0; i < layouts.size(); ++i) {
    if (!known[i]) {
      auto layout = Layout::of(ElementType::fp16, source.surfaces[i]);
      if (!layout.ok()) return layout.error();
      layouts[i] = layout.value();
    }
    auto added = workspace.add_surface(layouts[i]);
    if (!added.ok()) return added.error();
    most = std::max(most, layouts[i].elements());
  }
  engine->scratch_.resize(static_cast<size_t>(most));
  for (const EngineSource::Call& call : source.calls) {
    auto added = workspace.add_call(programs[static_cast<size_t>(call.program)], call.inputs, call.outputs);
    if (!added.ok()) return added.error();
    engine->labels_.push_back(call.label);
  }
  return engine;
}

Engine::Extent SessionEngine::extent(int64_t surface) const {
  const Layout& layout = workspace_->surface(static_cast<int>(surface)).layout();
  return {layout.rows(), layout.width};
}

std::vector<std::string> SessionEngine::take_notes() {
  const std::lock_guard guard(notes_->mutex);
  return std::exchange(notes_->sentences, {});
}

// Goes through the parts of a place whose channels are evenly spaced in the value, until one answers false.
template <class T, class Visit>
Result<void> SessionEngine::for_each_block(const EnginePlace& place, T* value, const Visit& visit) {
  int64_t row = 0;
  for (int64_t i = 0; i < place.count; ++i) {
    const EnginePlace::Block b = place.block(i);
    for (int64_t done = 0; done < b.rows;) {
      const int64_t lead = place.channels ? row / place.columns : 0;
      const int64_t column = place.channels ? row % place.columns : 0;
      const int64_t rows = place.channels ? std::min(b.rows - done, place.columns - column) : b.rows - done;
      const Block block{b.row + done, rows, b.column, b.columns};
      const Strided<T> at =
          place.channels ? Strided<T>{value + lead * place.rows * place.columns + column, 1, place.columns}
                         : Strided<T>{value + row * place.columns, place.columns, 1};
      Result<bool> goes_on = visit(block, at);
      if (!goes_on.ok()) return goes_on.error();
      if (!goes_on.value()) return {};
      done += rows;
      row += rows;
    }
  }
  return {};
}

// Answers the bytes that were written.
Result<int64_t> SessionEngine::put(const EnginePlace& place, const float* value) {
  auto lock = workspace_->surface(static_cast<int>(place.surface)).lock(Access::write);
  if (!lock.ok()) return lock.error();
  const auto write = [&](const Block& block, const Strided<const float>& from) -> Result<bool> {
    auto moved = lock.value().write_columns(block, from);
    if (!moved.ok()) return moved.error();
    overflows_ += moved.value();
    return true;
  };
  if (auto moved = for_each_block(place, value, write); !moved.ok()) return moved.error();
  if (auto unlocked = lock.value().unlock(); !unlocked.ok()) return unlocked.error();
  return 2 * place.elements();
}

Result<bool> SessionEngine::holds(const EnginePlace& place, const float* value) {
  auto lock = workspace_->surface(static_cast<int>(place.surface)).lock(Access::read);
  if (!lock.ok()) return lock.error();
  bool same = true;
  const auto compare = [&](const Block& block, const Strided<const float>& from) -> Result<bool> {
    auto held = lock.value().holds_columns(block, from);
    same = held.ok() && held.value();
    return held;
  };
  if (auto compared = for_each_block(place, value, compare); !compared.ok()) return compared.error();
  if (auto unlocked = lock.value().unlock(); !unlocked.ok()) return unlocked.error();
  return same;
}

Result<void> SessionEngine::write(const EnginePlace& place, const float* value) {
  auto put = this->put(place, value);
  if (!put.ok()) return put.error();
  written_ += put.value();
  return {};
}

Result<void> SessionEngine::stage(const EnginePlace& place, const float* value) {
  auto held = holds(place, value);
  if (!held.ok()) return held.error();
  if (held.value()) return {};
  auto put = this->put(place, value);
  if (!put.ok()) return put.error();
  staged_ += put.value();
  return {};
}

Result<void> SessionEngine::read(const EnginePlace& place, float* value) {
  auto lock = workspace_->surface(static_cast<int>(place.surface)).lock(Access::read);
  if (!lock.ok()) return lock.error();
  const auto fetch = [&](const Block& block, const Strided<float>& to) -> Result<bool> {
    auto moved = lock.value().read_columns(block, to);
    if (!moved.ok()) return moved.error();
    return true;
  };
  if (auto moved = for_each_block(place, value, fetch); !moved.ok()) return moved;
  read_ += 2 * place.elements();
  return lock.value().unlock();
}

Result<void> SessionEngine::copy(const EngineCopy& c) {
  const Block from{c.from_row, c.rows, c.from_column, c.columns};
  const Block to{c.to_row, c.rows, c.to_column, c.columns};
  {
    auto lock = workspace_->surface(static_cast<int>(c.from)).lock(Access::read);
    if (!lock.ok()) return lock.error();
    auto moved = lock.value().read_columns(from, {scratch_.data(), c.columns, 1});
    if (!moved.ok()) return moved.error();
    if (auto unlocked = lock.value().unlock(); !unlocked.ok()) return unlocked.error();
  }
  auto lock = workspace_->surface(static_cast<int>(c.to)).lock(Access::write);
  if (!lock.ok()) return lock.error();
  auto moved = lock.value().write_columns(to, {scratch_.data(), c.columns, 1});
  if (!moved.ok()) return moved.error();
  copied_ += 2 * c.rows * c.columns;
  return lock.value().unlock();
}

Result<void> SessionEngine::call(int64_t index) {
  auto ran = workspace_->run(static_cast<int>(index));
  if (ran.ok()) return {};
  Error error = ran.error();
  error.message = "`" + labels_[static_cast<size_t>(index)] + "`: " + error.message;
  return error;
}

}  // namespace anec::ane
