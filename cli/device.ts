/** The device behind the flags of commands that compute. */
import { noSystemBlas } from "../compiler/messages/usage.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { type DeviceOptions, deviceInfo } from "../runtime-native/js/index.ts";
import type { DeviceFlags } from "./flags.ts";
import { fastestProducts } from "./product_table.ts";

/**
 * The options of the `cpu` device. `auto` takes a library for the products that `anec bench gemm` found it
 * to be faster at. Throws a `UserError` (E0972) for a BLAS that is not there.
 */
export function deviceOptions(
  { threads, blas }: Pick<DeviceFlags, "threads" | "blas">,
  look: (options: DeviceOptions) => { readonly blas: unknown } = deviceInfo,
  auto: (threads?: number) => Pick<DeviceOptions, "blas" | "products"> = (n) =>
    fastestProducts(n === undefined ? {} : { threads: n }),
): DeviceOptions {
  const options: DeviceOptions = {
    ...(threads === undefined ? {} : { threads }),
    ...(blas === undefined || blas === "auto" ? auto(threads) : { blas }),
  };
  // The device itself would fall back to the built-in matrix products without a word.
  if (blas === "system" && look(options).blas === null) throw new UserError(noSystemBlas());
  return options;
}
