/**
 * Files that stay inside their folder, links followed. Whoever made the folder may have put links into it that
 * lead to files of somebody else's.
 */
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { FileFault } from "./atomic_write.ts";

/** Whether `path` lies in `folder`, by their names alone. */
export function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * The path of file `name` of `folder`, to be written to. Throws `FileFault` if `name` leads out of the folder, or
 * if a link on the way does; a folder that is itself a link is the one it leads to.
 */
export function insidePath(folder: string, name: string): string {
  const path = join(folder, name);
  const refuse = (why: string): never => {
    throw new FileFault("other", path, "write", why);
  };
  if (isAbsolute(name) || !isBelow(folder, path)) refuse(`it leads out of \`${folder}\``);
  if (!existsSync(folder)) return path;
  const real = realpathSync(folder);
  for (let at = path; isBelow(folder, at) && at !== dirname(at); at = dirname(at)) {
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) continue;
    // Of a link that leads nowhere nobody knows where a file made through it would be.
    if (!existsSync(at) || !isBelow(real, realpathSync(at)))
      refuse(`it leads out of \`${folder}\` by a link`);
  }
  return path;
}
