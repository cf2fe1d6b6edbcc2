// Every class is declared when the framework is first asked for one.

#include "classes.h"

#include "foundation.h"
#include "model_classes.h"
#include "surface_memory.h"

namespace anec::emulator {

void declare_classes() {
  declare_foundation();
  declare_surfaces();
  declare_model_classes();
  declare_request_classes();
}

}  // namespace anec::emulator
