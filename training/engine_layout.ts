/**
 * What `--fusion auto` stands for in training: of all layouts the one that is predicted to be the fastest on the
 * chip that the device says it is.
 */
import { chipOfArchitecture } from "../compiler/target/chips.ts";
import { searchLayouts } from "../passes/ane/search.ts";
import { emulatorLibrary, openAne } from "../runtime-native/js/ane.ts";
import type { DeviceOptions } from "../runtime-native/js/index.ts";
import type { EngineChoice } from "./engine_programs.ts";
import type { Start } from "./trainer_types.ts";

/** The chip that is weighed for where the device does not say which one it is, or says a newer one. */
const USUAL_CHIP = "m4";

/**
 * The choice with the layout that `auto` stands for; any other choice as it is. Throws a `NativeError` (E0620)
 * if there is no engine to ask.
 */
export function withLayout(
  choice: EngineChoice,
  { model, settings, device }: Pick<Start, "model" | "settings" | "device">,
): EngineChoice {
  if (choice.fusion !== "auto" || choice.layout !== undefined) return choice;
  const { chosen } = searchLayouts(model.graph, {
    chip: chipOfArchitecture(architectureOf(device)) ?? USUAL_CHIP,
    gradients: true,
    microSteps: settings.accum,
    ...(choice.ane === "matmul" ? { ane: "matmul" as const } : {}),
  });
  const { name, isFixed, scheme, weights, splitK } = chosen;
  const layout = { name, isFixed, scheme, weights };
  return { ...choice, layout: splitK === undefined ? layout : { ...layout, splitK } };
}

function architectureOf({ engine }: DeviceOptions = {}): string {
  const device = openAne(engine?.kind === "emulator" ? { library: emulatorLibrary() } : {});
  try {
    return device.state().architecture;
  } finally {
    device.close();
  }
}
