import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** What a figure was measured on. */
export interface Machine {
  readonly cpus: number;
  readonly cpu: string;
  readonly memory_gib: number;
  readonly platform: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of the last minute, when the run began: above 0.5 other work took part of the machine. */
  readonly load_at_start: number;
  readonly date: string;
}

const PACKAGES = ['onnxruntime-node', 'ws', 'ioredis', 'better-sqlite3', 'trading-signals', 'technicalindicators'];

export function describeMachine(): Machine {
  const models = cpus();
  return {
    cpus: models.length,
    cpu: models[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    versions: Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name)])),
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
      // Not in this folder; perhaps in one above.
    }
  }
  return 'absent';
}
