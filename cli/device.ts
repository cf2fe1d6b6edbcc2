/** The device behind the flags of commands that compute. */
import { noSystemBlas } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type DeviceOptions, deviceInfo } from "../runtime-native/js/index.ts";
import type { DeviceFlags } from "./flags.ts";

/** The options of the `cpu` device. Throws a `UserError` (E0972) for a BLAS that is not there. */
export function deviceOptions(
  { threads, blas }: Pick<DeviceFlags, "threads" | "blas">,
  look: (options: DeviceOptions) => { readonly blas: unknown } = deviceInfo,
): DeviceOptions {
  const options: DeviceOptions = {
    ...(threads === undefined ? {} : { threads }),
    ...(blas === undefined ? {} : { blas }),
  };
  // The device itself would fall back to the built-in matrix products without a word.
  if (blas === "system" && look(options).blas === null) throw new UserError(noSystemBlas());
  return options;
}
