/** Errors as text, as the command line prints them. */
import { runtimeDiagnostic } from "../compiler/messages/runtime.ts";
import { UserError } from "../compiler/support/diagnostic.ts";
import { renderDiagnostics } from "../compiler/support/render.ts";
import { NativeError } from "../runtime-native/js/index.ts";

/**
 * The messages of a `UserError` or a `NativeError`, with the lines of the model they point at. Any other error is
 * thrown again.
 */
export function explainErrors(error: unknown): string {
  if (error instanceof UserError) return renderDiagnostics(error.diagnostics, { color: false });
  if (!(error instanceof NativeError)) throw error;
  const diagnostic = runtimeDiagnostic(error);
  return diagnostic === undefined
    ? `${error.message}\n${error.detail}`
    : renderDiagnostics([diagnostic], { color: false });
}
