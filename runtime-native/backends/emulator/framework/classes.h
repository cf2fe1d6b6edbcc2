// The classes of AppleNeuralEngine.framework that the runtime uses.

#pragma once

namespace anec::emulator {

void declare_classes();

}  // namespace anec::emulator
