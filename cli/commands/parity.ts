import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { signatureText, signingKey, trustedKeys } from '../../shared/bundle/signature.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { homePaths } from '../../shared/home.ts';
import { openArchivePlace } from '../../trainer/control/history/open_archive_place.ts';
import type { ArchivePlace } from '../../trainer/control/history/archive_place.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { keepParityResult } from '../../trainer/control/parity/parity_results.ts';
import type { ParityJob } from '../../trainer/jobs/kinds/parity_job.ts';
import { refuseForeignBars } from '../../trainer/jobs/other_market.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import { readCertificate, signatureOf, type Certificate } from '../parity/certificate.ts';
import {
  instrumentsText,
  lateCells,
  PARITY_COLUMNS,
  parityCells,
  replayText,
  renderCertificate,
  verdictText,
} from '../parity/certificate_page.ts';
import { DAY_SECONDS, proveDay } from '../parity/prove_day.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, FAILED, type Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { instantOf, parseDay } from '../period.ts';
import { applyMarket, marketOption } from './processes.ts';

interface ParityFlags {
  readonly day?: string;
  readonly shard: string;
  readonly market?: string;
  readonly out?: string;
  readonly printJob?: boolean;
}

export function addParity(program: Command, output: () => Output): void {
  const parity = program
    .command('parity')
    .description(
      'Compares the signals of a day with a replay of the journal (to the byte) and with a backtest of the same bars and models (every decision on a pair); differences ' +
        'are counted by cause (docs/reference/LIVE_VS_BACKTEST.md). Writes a certificate as JSON and HTML, signed where MINUTEHAND_SIGNING_KEY is set. ' +
        'Exit code 1 when a difference has no cause. The daemon may run meanwhile.',
    )
    .option(
      '--day <day>',
      'UTC day of the bars (default: yesterday; on a simulated market the day before that of its last signal)',
    )
    .option('--shard <name>', 'the shard of config/minutehand.yaml', 'main')
    .addOption(marketOption())
    .option('--out <folder>', 'where to write (default: parity of MINUTEHAND_HOME)')
    .option('--print-job', 'compare nothing: print these options as a job, for `minutehand job run`')
    .action((flags: ParityFlags) => prove(flags, output()));
  parity
    .command('verify')
    .argument('<file>', 'parity_….json, with its signature in the same folder')
    .description('checks the signature of a certificate, and shows it; exit code 1 when not, or when it has a mismatch')
    .action((file: string) => verify(file, output()));
}

async function prove({ day, shard, market: wanted, out, printJob }: ParityFlags, output: Output): Promise<void> {
  applyMarket(wanted);
  const settings = loadSettings();
  const job: ParityJob = {
    kind: 'parity',
    market: settings.minutehand.market,
    parameters: { shard, day: day === undefined ? null : instantOf(wholeDay(day)).slice(0, 10) },
    output: { folder: out ?? null },
    trigger: { code: 'command', values: { command: 'parity' } },
  };
  if (printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runParity(job, settings, own));
}

/** Compares a day in this process, writes its certificate, and prints it. */
export async function runParity(job: ParityJob, settings: Settings, output: Output): Promise<void> {
  const { market, parameters } = job;
  const { shard, day } = parameters;
  refuseForeignBars({ market, source: { folder: null } }, settings);
  const paths = homePaths();
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['No certificate was written.'] });
  const certificate = await proveDay({
    settings,
    paths,
    market,
    shard,
    day: day === null ? null : wholeDay(day),
    onProgress: (part, done, total) => progress.update(part, done, total),
  }).finally(() => progress.stop());
  output.written(null);
  const path = write(certificate, job.output.folder ?? join(paths.home, 'parity'));
  const archive = await copyToArchive(path, certificate, settings);
  const recordError = await record(certificate);
  show(certificate, output);
  output.line(`Written: ${path}.json, ${path}.html`);
  if (archive.archived !== null) output.line(`Copied to ${archive.archived}`);
  output.result({ ...certificate, file: `${path}.json`, ...archive, record_error: recordError });
  const missing = [
    ...(archive.archive_error === null ? [] : [`The certificate was not archived. ${archive.archive_error}`]),
    ...(recordError === null ? [] : [`The store has no record of it: ${recordError}`]),
  ];
  // A mismatch is the more serious end.
  if (process.exitCode === FAILED) for (const text of missing) output.note(text);
  else endPartly(missing, true, output);
}

interface Archived {
  readonly archived: string | null;
  readonly archive_error: string | null;
}

/** Where days are archived by schedule. An archive that cannot be reached does not undo the certificate. */
async function copyToArchive(path: string, { market, day }: Certificate, { signals }: Settings): Promise<Archived> {
  if (signals.archive_cron === null) return { archived: null, archive_error: null };
  let place: ArchivePlace | null = null;
  try {
    place = await openArchivePlace(signals, homePaths(), process.env);
    const name = `parity/${market}/${day.slice(0, 4)}/${basename(path)}`;
    // The certificate last: one in the archive is whole.
    for (const ending of ['.html', '.json.sig', '.json'])
      if (existsSync(path + ending)) await place.write(name + ending, readFileSync(path + ending));
    return { archived: `${place.id} ${name}.json`, archive_error: null };
  } catch (error) {
    const { code, message } = describeError(error);
    return { archived: null, archive_error: `${code}: ${message}` };
  } finally {
    place?.close();
  }
}

/** For reports, where the trainer has a store. The certificate is valid without. @returns why it has none */
async function record(certificate: Certificate): Promise<string | null> {
  try {
    const store = await openStoreIfThere(process.env, homePaths());
    if (store === null) return null;
    try {
      await keepParityResult(store, certificate, MACHINE_CLOCK.nowMs());
      return null;
    } finally {
      await store.close();
    }
  } catch (error) {
    return describeError(error).message;
  }
}

function verify(file: string, output: Output): void {
  const trusted = trustedKeys();
  if (trusted === null)
    throw new MinutehandError('KEY_UNUSABLE', { seen: 'MINUTEHAND_TRUSTED_KEYS is not set', expected: 'public keys' });
  const certificate = readCertificate(file, trusted);
  show(certificate, output);
  output.result(certificate);
}

function wholeDay(text: string): OpenTime {
  const day = parseDay(text, '--day');
  if (day % DAY_SECONDS !== 0)
    throw new MinutehandError('USAGE', { seen: `--day ${text}`, expected: 'a UTC day such as 2019-03-01' });
  return day;
}

/** @returns the path without its extension */
function write(certificate: Certificate, folder: string): string {
  const { market, shard, day } = certificate;
  const path = join(folder, `parity_${market}_${shard}_${day}`);
  const json = `${JSON.stringify(certificate, null, 2)}\n`;
  const key = signingKey();
  const files = {
    [`${path}.html`]: renderCertificate(certificate),
    ...(key && { [signatureOf(`${path}.json`)]: signatureText(Buffer.from(json), key) }),
    [`${path}.json`]: json,
  };
  try {
    makeFolder(folder, 0o700);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
  for (const [name, text] of Object.entries(files)) {
    const file = openOutputFile(name);
    file.write(text);
    file.close();
  }
  return path;
}

function show(certificate: Certificate, output: Output): void {
  const { day, market, shard, decisions, mismatches } = certificate;
  output.line(`${day}, market ${market}, shard ${shard}: ${replayText(certificate)}`);
  const widths = [17, 9, 9, 40, 0];
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(' ')
      .trimEnd();
  if (Object.keys(decisions).length > 0) output.line(row(PARITY_COLUMNS));
  for (const [pair, parity] of Object.entries(decisions)) output.line(row([pair, ...parityCells(parity)]));
  for (const text of instrumentsText(certificate)) output.line(text);
  for (const { pair_id, time, fields } of mismatches)
    output.line(`MISMATCH ${pair_id} ${time} ${JSON.stringify(fields)}`);
  for (const [subject, what, count, when] of lateCells(certificate.late))
    output.line(`LATE ${subject} ${what}: ${count}${when === '' ? '' : `, ${when}`}`);
  output.line(verdictText(certificate));
  if (certificate.verdict === 'MISMATCH') process.exitCode = FAILED;
}
