#!/usr/bin/env node
/**
 * One retraining of its own, as .github/workflows/weekly-retrain.yml runs it and as anyone can in a fresh clone: `npm
 * run retrain:weekly`. It trains, judges the bundle by the gates, verifies it as a daemon would, and packs it. Exit
 * code 0: a bundle that passed; 1: refused or failed, with the reason in the report.
 *
 * - RETRAIN_DATA: folder of SYMBOL.csv[.gz]; without it the bars of MINUTEHAND_DATABASE_URL.
 * - RETRAIN_OPTIONS: further options of `minutehand train`, such as `--days 365 --trials 16`.
 * - MINUTEHAND_SIGNING_KEY: PEM file of the key that signs the bundle; or RETRAIN_SIGNING_KEY: its text, as a build
 *   server keeps secrets. Without either the bundle is not signed, and with RETRAIN_SIGNED=true nothing is trained.
 * - MINUTEHAND_SLACK_URL, MINUTEHAND_DISCORD_URL and others: the result is reported there.
 * - GITHUB_STEP_SUMMARY: the report is appended to this file as well.
 *
 * Written into var/retrain/: plan.json, result.json, report.md, models/<version>/ and <version>.tgz.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { capture, launch } from './programs.mjs';
import { ROOT, SetupError, print } from './project.mjs';
import { ensureReady, run } from './setup.mjs';

const FOLDER = process.env.RETRAIN_FOLDER ?? join(ROOT, 'var', 'retrain');

/** @typedef {{ code: number, document: any }} Answer */

await run(async () => {
  const keys = takeSigningKey();
  await ensureReady('programs');
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const options = [...dataOptions(), ...(process.env.RETRAIN_OPTIONS ?? '').split(/\s+/).filter((word) => word !== '')];

  print('Checking data, settings and space …');
  const plan = await minutehand(['train', ...options, '--dry-run']);
  write('plan.json', plan.document);
  if (plan.code !== 0) return conclude('refused before learning', [errorText(plan.document)], 1);

  print('Training …');
  const { document: notifications } = await minutehand(['alerts', 'channels']);
  const isReported = notifications.channels.some((/** @type {{ is_open: boolean }} */ channel) => channel.is_open);
  const training = ['train', ...options, '--out', join(FOLDER, 'models'), '--require-gates'];
  if (isReported) training.push('--notify');
  const { code, document } = await minutehand(training, keys);
  write('result.json', document);
  if (document?.version == null) return conclude('failed', [errorText(document)], 1);
  const lines = resultLines(document, isReported, keys.MINUTEHAND_SIGNING_KEY !== undefined);
  const failed = document.gates.filter((/** @type {{ passed: boolean }} */ gate) => !gate.passed);
  if (failed.length > 0) return conclude(`refused: ${failed.length} gates failed`, lines, 1);
  if (code !== 0) return conclude('passed, but its result was not reported everywhere', lines, 1);

  print('Verifying the bundle …');
  const verified = await minutehand(['models', 'verify', document.path]);
  if (verified.code !== 0) return conclude('cannot be verified', [...lines, errorText(verified.document)], 1);
  const archive = `${document.version}.tgz`;
  const packed = await capture('tar', [
    '-czf',
    join(FOLDER, archive),
    '-C',
    join(FOLDER, 'models'),
    basename(document.path),
  ]);
  if (packed.code !== 0) return conclude('cannot be packed', [...lines, packed.output], 1);
  return conclude('passed all gates', [...lines, `- packed as ${archive}`], 0);
});

/**
 * Takes the signing key out of the environment, so that the training alone gets it, and no installer. One that is given
 * as text becomes a file that nobody else reads, for as long as this process lasts.
 * @returns {{ MINUTEHAND_SIGNING_KEY?: string }}
 */
function takeSigningKey() {
  const text = process.env.RETRAIN_SIGNING_KEY;
  if (text) {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-key-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'signing.pem');
    writeFileSync(path, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 });
    process.env.MINUTEHAND_SIGNING_KEY = path;
  }
  const path = process.env.MINUTEHAND_SIGNING_KEY;
  delete process.env.RETRAIN_SIGNING_KEY;
  delete process.env.MINUTEHAND_SIGNING_KEY;
  if (path) return { MINUTEHAND_SIGNING_KEY: path };
  if (process.env.RETRAIN_SIGNED === 'true')
    throw new SetupError(
      'RETRAIN_SIGNED is true and there is no key: set RETRAIN_SIGNING_KEY or MINUTEHAND_SIGNING_KEY',
    );
  return {};
}

/** @returns {string[]} */
function dataOptions() {
  const folder = process.env.RETRAIN_DATA;
  if (folder) {
    if (!existsSync(folder)) throw new SetupError(`RETRAIN_DATA: there is no folder ${folder}`);
    return ['--data', folder];
  }
  if (process.env.MINUTEHAND_DATABASE_URL) return [];
  throw new SetupError('no bars: set RETRAIN_DATA to a folder of SYMBOL.csv[.gz], or MINUTEHAND_DATABASE_URL');
}

/**
 * A command of this project, with its one JSON document.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [more] variables that it alone gets
 * @returns {Promise<Answer>}
 */
async function minutehand(args, more = {}) {
  const place = join(FOLDER, 'answer.json');
  const file = openSync(place, 'w');
  // Progress and errors are shown as they come.
  const program = [join(ROOT, 'bin', 'minutehand.mjs'), ...args, '--json'];
  const code = await launch(process.execPath, program, { stdio: ['ignore', file, 2], env: { ...process.env, ...more } })
    .ended;
  closeSync(file);
  let document = null;
  try {
    document = JSON.parse(readFileSync(place, 'utf8'));
  } catch {
    // The error is on standard error.
  }
  rmSync(place, { force: true });
  return { code, document };
}

/** @param {any} document */
function errorText(document) {
  const error = document?.error;
  return error ? `- ${error.code}: ${error.message}\n- next: ${error.next}` : '- no result; see the log';
}

/**
 * @param {any} result of `train`
 * @param {boolean} isReported
 * @param {boolean} isSigned
 * @returns {string[]}
 */
function resultLines({ version, models, gates, edge, resources }, isReported, isSigned) {
  /** @param {number | null} value */
  const figure = (value) => (value === null ? '–' : value.toFixed(4));
  const pairs = Object.entries(/** @type {Record<string, { no_edge: boolean }>} */ (edge));
  const withEdge = pairs.filter(([, { no_edge }]) => !no_edge).map(([pair]) => pair);
  return [
    `- version ${version}, ${isSigned ? 'signed' : 'not signed: MINUTEHAND_SIGNING_KEY is not set'}`,
    `- ${(resources.duration_ms / 60_000).toFixed(1)} min, ${(resources.peak_memory_bytes / 2 ** 30).toFixed(2)} GiB at its peak`,
    `- edge after costs: ${withEdge.length === 0 ? `none of ${pairs.length} pairs; where an edge is required, none is traded` : withEdge.join(', ')}`,
    `- ${isReported ? 'reported on the channels of the environment' : 'reported nowhere else: no channel is set'}`,
    '',
    '|model|AUC of the holdout|Brier|Brier of a constant|',
    '|-|-|-|-|',
    ...['ai1', 'ai2', 'ai3'].map((name) => {
      const { auc, brier, brier_baseline } = models[name].holdout;
      return `|${name}|${figure(auc)}|${figure(brier)}|${figure(brier_baseline)}|`;
    }),
    '',
    ...gates
      .filter((/** @type {{ passed: boolean }} */ gate) => !gate.passed)
      .map(
        (/** @type {any} */ gate) =>
          `- failed: ${gate.role === null ? '' : `${gate.role}.`}${gate.code}, ${gate.value} ${gate.relation ?? ''} ${gate.limit ?? ''}`,
      ),
  ];
}

/** @param {string} name @param {unknown} document */
function write(name, document) {
  writeFileSync(join(FOLDER, name), `${JSON.stringify(document, null, 2)}\n`);
}

/**
 * @param {string} verdict
 * @param {string[]} lines
 * @param {number} code
 */
function conclude(verdict, lines, code) {
  const report = [`# Weekly retraining: ${verdict}`, '', ...lines, ''].join('\n');
  writeFileSync(join(FOLDER, 'report.md'), report);
  if (process.env.GITHUB_STEP_SUMMARY) appendFileSync(process.env.GITHUB_STEP_SUMMARY, report);
  print(`\n${report}`);
  print(`report: ${join(FOLDER, 'report.md')}`);
  return code;
}
