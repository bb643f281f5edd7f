/** The version of Node on which the programs run; bin/node24.mjs starts those of bin/ on it. */
export const NODE_MAJOR = 24;

/** @param version as of `node --version`, with or without its `v` */
export function isSupportedNode(version: string): boolean {
  return Number(/^v?(\d+)\./.exec(version)?.[1]) === NODE_MAJOR;
}
