import { join } from "node:path";
import { temporaryName } from "../../compiler/support/temporary_files.ts";

/** A name that process `writer` would have given to a temporary of file `name` in `folder`. */
export function leftTemporary(folder: string, name: string, writer: number): string {
  const hex = (id: number): string => id.toString(16).padStart(8, "0");
  return temporaryName(join(folder, name)).replace(hex(process.pid), hex(writer));
}
