// Surfaces get the layout of the first program that uses them; values move in blocks of rows.

#include "session_engine.h"

#include <algorithm>
#include <type_traits>

namespace anec::ane {

Result<std::unique_ptr<SessionEngine>> SessionEngine::create(const EngineSource& source,
                                                             DeviceOptions options,
                                                             CacheOptions cache) {
  std::unique_ptr<SessionEngine> engine(new SessionEngine());
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

// Goes through the parts of a place whose channels are evenly spaced in the value.
template <class Lock, class T>
Result<int64_t> SessionEngine::move(Lock& lock, const EnginePlace& place, T* value) {
  int64_t overflows = 0, row = 0;
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
      if constexpr (std::is_const_v<T>) {
        auto moved = lock.write_columns(block, at);
        if (!moved.ok()) return moved.error();
        overflows += moved.value();
      } else {
        auto moved = lock.read_columns(block, at);
        if (!moved.ok()) return moved.error();
      }
      done += rows;
      row += rows;
    }
  }
  return overflows;
}

Result<void> SessionEngine::write(const EnginePlace& place, const float* value) {
  auto lock = workspace_->surface(static_cast<int>(place.surface)).lock(Access::write);
  if (!lock.ok()) return lock.error();
  auto moved = move(lock.value(), place, value);
  if (!moved.ok()) return moved.error();
  overflows_ += moved.value();
  written_ += 2 * place.elements();
  return lock.value().unlock();
}

Result<void> SessionEngine::read(const EnginePlace& place, float* value) {
  auto lock = workspace_->surface(static_cast<int>(place.surface)).lock(Access::read);
  if (!lock.ok()) return lock.error();
  auto moved = move(lock.value(), place, value);
  if (!moved.ok()) return moved.error();
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
