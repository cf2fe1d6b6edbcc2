/** The measurements of `fused_layer.ts`, from a process of its own. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface FusedLayer {
  readonly name: string;
  /** "its kernel", a host kernel of the runtime, or "by hand". */
  readonly against: string;
  /** Processor time of the layer, of the kernel it is measured against, and of the layer op by op. */
  readonly ms: number;
  readonly kernelMs: number;
  readonly apartMs: number;
  readonly ratio: number;
  readonly apart: number;
}

export function fusedLayers(): FusedLayer[] {
  const file = fileURLToPath(new URL("./fused_layer.js", import.meta.url));
  const text = execFileSync(process.execPath, [file], { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as FusedLayer);
}
