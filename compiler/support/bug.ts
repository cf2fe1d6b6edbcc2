/** Our own mistakes. The command line prints them apart from user errors and exits with 70. */

export class Bug extends Error {
  constructor(message: string) {
    super(`bug in anec: ${message}`);
    this.name = "Bug";
  }
}

/** Stops on a state that must not occur, whatever the user's input. */
export function bug(message: string): never {
  throw new Bug(message);
}

/** `condition` must hold. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) bug(message);
}
