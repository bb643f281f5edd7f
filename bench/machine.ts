import { statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os';

/** The machine of a measurement. */
export interface Machine {
  readonly cpus: number;
  readonly cpu: string;
  readonly memory_gib: number;
  readonly platform: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
  /** File system of the bench's signal files and journal, on which their times depend. */
  readonly temporary_files_on: string;
  /** One-minute load average at the start: above 0.5, other work used part of the machine. */
  readonly load_at_start: number;
  readonly date: string;
}

const PACKAGES = ['onnxruntime-node', 'ws', 'ioredis', 'better-sqlite3', 'trading-signals', 'technicalindicators'];

/** Magic numbers of Linux (statfs(2)). */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0xef53, 'ext'],
  [0x794c7630, 'overlayfs'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x2fc12fc1, 'zfs'],
]);

export function describeMachine(): Machine {
  const models = cpus();
  return {
    cpus: models.length,
    cpu: models[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    versions: Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name)])),
    temporary_files_on: fileSystemOf(tmpdir()),
    load_at_start: Math.round(loadavg()[0]! * 100) / 100,
    date: new Date().toISOString(),
  };
}

function installedVersion(name: string): string {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return (require(`${folder}/${name}/package.json`) as { version: string }).version;
    } catch {
      // Not in this folder; perhaps in a parent.
    }
  }
  return 'absent';
}

function fileSystemOf(folder: string): string {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`;
}
