import { spawnSync } from 'node:child_process';

/** Ways to start a program in a network namespace of its own: as root, and as a user where the kernel allows that. */
const WAYS: readonly (readonly string[])[] = [
  ['unshare', '--net', '--'],
  ['unshare', '--user', '--map-current-user', '--net', '--'],
];

let known: readonly string[] | null | undefined;

/** What stands before a command that is to have no network; null where this machine does not allow it. */
export function networkCut(): readonly string[] | null {
  if (known !== undefined) return known;
  const works = ([program, ...args]: readonly string[]): boolean =>
    spawnSync(program!, [...args, process.execPath, '--version'], { stdio: 'ignore' }).status === 0;
  known = process.platform === 'linux' ? (WAYS.find(works) ?? null) : null;
  return known;
}

/** The command in a network namespace without any network, where this machine allows it. */
export function withoutNetwork(command: readonly string[]): readonly string[] {
  return [...(networkCut() ?? []), ...command];
}
