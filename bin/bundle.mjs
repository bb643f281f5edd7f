/**
 * Bundles each compiled program with the packages it uses, so that it reads a handful of files at start instead of
 * hundreds. The program's file in dist/ only imports its bundle. The other compiled modules stay, for direct imports.
 */
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT, readJson } from './project.mjs';

/** Entry points: command line, threads and child processes. */
const PROGRAMS = [
  'cli/main',
  'cli/minutehand',
  'bench/bench',
  'shared/bundle/graph_check/scoring_program',
  'daemon/infer/load_worker',
  'daemon/journal/journal_thread_program',
  'daemon/publish/file_thread_program',
  'trainer/learning/strategies/pair_reversion/backtest/period_worker',
  'trainer/control/data_quality/coverage_worker',
  'trainer/control/api/slow_reads_worker',
  'trainer/control/formulas/try_worker',
  'trainer/learning/strategies/pair_reversion/dataset/folder_bars_worker',
  'trainer/learning/strategies/pair_reversion/dataset/pair_worker',
  'trainer/learning/learners/onnx/session_worker',
  'trainer/learning/learners/trees/engines/engine_worker',
  'trainer/learning/learners/trees/fit_worker',
  'trainer/learning/learners/trees/kernel/thread',
  'trainer/control/monitor/look_worker',
  'trainer/learning/placebo/placebo_worker',
  'trainer/learning/scan/scan_worker',
  'trainer/learning/evolve/search_worker',
  'trainer/jobs/fleet/child/task_child',
];
/** Packages left in node_modules: native parts, optional packages, and requires that are resolved at run time. */
const EXTERNAL = [
  'better-sqlite3',
  'bullmq',
  'ccxt',
  'esbuild',
  'koffi',
  'onnxruntime-node',
  'pg-native',
  'protobufjs',
  'ssh2-sftp-client',
  'technicalindicators',
  'tinybench',
  'trading-signals',
];
const FOLDER = 'bundle';
/** File in the chunk folder that lists the files of this build and of those before it, newest first. */
const CHUNKS = 'chunks.json';
/** A program may run for weeks while a checkout is built again and again. */
const KEPT_BUILDS = 10;
/** For CommonJS packages that load Node modules. */
const BANNER = `
import { createRequire as bundledRequire } from 'node:module';
import { fileURLToPath as bundledPath } from 'node:url';
const bundledUrl = import.meta.url;
const require = bundledRequire(bundledUrl);`;

/**
 * @param {string} dist folder of the compiled modules
 * @param {string} replaced folder of the previous build; programs that still run from it may import its chunks
 */
export async function bundlePrograms(dist, replaced) {
  const programs = PROGRAMS.map((program) => ({ in: join(dist, `${program}.js`), out: nameOf(program) }));
  await bundle(programs, join(dist, FOLDER));
  for (const program of PROGRAMS) {
    const bundle = relative(dirname(program), join(FOLDER, nameOf(program)));
    writeFileSync(join(dist, `${program}.js`), `export * from '${bundle}.js';\n`);
  }
  keepChunks(join(replaced, FOLDER), join(dist, FOLDER));
}

/**
 * Puts programs into `outdir` together with the packages they use.
 * @param {{ in: string, out: string }[]} entryPoints
 * @param {string} outdir
 * @param {import('esbuild').BuildOptions} [options]
 */
export async function bundle(entryPoints, outdir, options = {}) {
  const { build } = await import('esbuild');
  await build({
    entryPoints,
    outdir,
    // Comments name files relative to it: the same bytes wherever the build is started.
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: EXTERNAL,
    banner: { js: BANNER },
    logLevel: 'silent',
    plugins: [originalUrls(outdir)],
    ...options,
  });
}

/** @param {string} program */
const nameOf = (program) => program.replaceAll('/', '.');

/**
 * JavaScript that finds files beside its own file keeps finding them.
 * @param {string} outdir
 * @returns {import('esbuild').Plugin}
 */
const originalUrls = (outdir) => ({
  name: 'original URLs',
  setup({ onLoad }) {
    onLoad({ filter: /\.[cm]?js$/ }, ({ path }) => {
      const code = readFileSync(path, 'utf8');
      if (!/\b(import\.meta\.url|__dirname|__filename)\b/.test(code)) return undefined;
      const at = relative(outdir, path);
      const contents = code
        .replaceAll('import.meta.url', `new URL('${at}', bundledUrl).href`)
        .replaceAll('__dirname', `bundledPath(new URL('${dirname(at)}', bundledUrl))`)
        .replaceAll('__filename', `bundledPath(new URL('${at}', bundledUrl))`);
      return { contents, loader: 'js' };
    });
  },
});

/**
 * Keeps the chunks of the last builds, which programs that still run from them load when they first need them; a
 * chunk's name contains its hash.
 * @param {string} replaced
 * @param {string} fresh
 */
export function keepChunks(replaced, fresh) {
  const own = readdirSync(fresh);
  const known = readJson(join(replaced, CHUNKS)) ?? [];
  // An earlier format has the names of one build.
  const before = (typeof known[0] === 'string' ? [known] : known).slice(0, KEPT_BUILDS - 1);
  for (const name of new Set(before.flat()))
    if (!own.includes(name)) copyFileSync(join(replaced, name), join(fresh, name));
  writeFileSync(join(fresh, CHUNKS), JSON.stringify([own, ...before]));
}
