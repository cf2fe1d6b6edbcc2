/** What `anec doctor` says of the Neural Engine. */
import { buildCommand } from "../runtime-native/js/addon_file.ts";
import { type AneDevice, emulatorLibrary, openAne } from "../runtime-native/js/ane.ts";
import { NativeError } from "../runtime-native/js/index.ts";

export interface AneFindings {
  readonly ready: boolean;
  /** What there is, or why there is nothing, and what can be used instead. */
  readonly why: string;
}

/** How this machine is looked at. */
export interface AneLook {
  /** Whether it is a Mac with Apple silicon. */
  readonly isApple: boolean;
  readonly open: () => AneDevice;
  /** The emulator's library. Throws a `NativeError` if there is none. */
  readonly emulator: () => string;
}

const here: AneLook = {
  isApple: process.platform === "darwin" && process.arch === "arm64",
  open: openAne,
  emulator: emulatorLibrary,
};

/** Opens the engine, and says what it is. */
export function aneFindings({ isApple, open, emulator }: AneLook = here): AneFindings {
  const instead = emulatorWords(emulator);
  if (!isApple)
    return { ready: false, why: `The Neural Engine is part of Apple's chips. ${instead}` };
  try {
    const device = open();
    const { architecture, cores, build, way } = device.state();
    device.close();
    const name =
      architecture === "" ? "A Neural Engine" : `A Neural Engine of type ${architecture}`;
    const size = cores > 0 ? ` with ${cores} cores` : "";
    const system = build === "" ? "" : `, macOS build ${build}`;
    const what = `${name}${size}${system}; programs are run by way of \`${way}\`.`;
    return { ready: true, why: `${what} \`anec probe\` shows what it does.` };
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    const detail = error.detail === "" ? "" : ` (${error.detail.split("\n")[0]})`;
    return { ready: false, why: `It cannot be opened: ${error.message}${detail}. ${instead}` };
  }
}

function emulatorWords(emulator: () => string): string {
  try {
    emulator();
    return "`--device emulator` imitates one here (docs/emulator.md).";
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    return `To imitate one (\`--device emulator\`), run \`${buildCommand()}\`.`;
  }
}
