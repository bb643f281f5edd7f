import { spawnSync } from 'node:child_process';
import { outsideEnvironment } from '../../../../shared/secrets.ts';

/** Command prefixes that give a program its own, empty network namespace: as root, and in a user namespace. */
const WAYS: readonly (readonly string[])[] = [
  ['unshare', '--net', '--'],
  ['unshare', '--user', '--map-current-user', '--net', '--'],
];

let known: readonly string[] | null | undefined;

/** The command prefix that cuts a program off from the network; null where this machine supports none. */
export function networkCut(): readonly string[] | null {
  if (known !== undefined) return known;
  const works = ([program, ...args]: readonly string[]): boolean =>
    spawnSync(program!, [...args, process.execPath, '--version'], { stdio: 'ignore', env: outsideEnvironment() })
      .status === 0;
  known = process.platform === 'linux' ? (WAYS.find(works) ?? null) : null;
  return known;
}

/** The command in a network namespace without any network, where this machine allows it. */
export function withoutNetwork(command: readonly string[]): readonly string[] {
  return [...(networkCut() ?? []), ...command];
}
