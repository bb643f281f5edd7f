import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** Result file of `mt5/compile.ps1`, written on Windows. */
const RESULT_FILE = join('mt5', 'compiled.json');
const FOLDERS = ['Experts', 'Include', 'Services'];
/** The last line of MetaEditor's log; compile.ps1 has the same pattern. */
export const RESULT_LINE = /Result:?\s+(\d+) error(?:s|\(s\))?, (\d+) warning/;

const compilationSchema = z.object({
  schema: z.literal('minutehand.mt5_compilation/1'),
  sources_sha256: z.string(),
  metaeditor: z.string(),
  compiled_at: z.string(),
  programs: z.array(
    z.object({ path: z.string(), log: z.array(z.string()), ex5_bytes: z.number(), ex5_sha256: z.string() }),
  ),
});

/** Result of compiling the present sources of the expert advisor by MetaEditor. */
export interface Mt5Compilation {
  readonly state: 'compiled' | 'changed' | 'failed' | 'never';
  readonly detail: string;
}

/** @param root of the project */
export function mt5Compilation(root: string): Mt5Compilation {
  const path = join(root, RESULT_FILE);
  const next = 'run mt5/compile.ps1 on Windows';
  if (!existsSync(path))
    return { state: 'never', detail: `checked, never compiled by MetaEditor; ${next} before real money depends on it` };
  const result = parseResult(readFileSync(path, 'utf8'));
  if (result === null) return { state: 'failed', detail: `${RESULT_FILE} is no result of compile.ps1; ${next}` };
  const wanted = programsOf(root);
  const failed = wanted.filter((name) => !isCompiled(result.programs.find(({ path: found }) => found === name)));
  const by = `MetaEditor ${result.metaeditor}, ${result.compiled_at}`;
  if (failed.length > 0)
    return { state: 'failed', detail: `${by}: ${failed.join(', ')} did not compile; send ${RESULT_FILE}` };
  if (result.sources_sha256 !== mt5SourcesHash(root))
    return { state: 'changed', detail: `${by} compiled other sources; ${next} again` };
  return { state: 'compiled', detail: `${by}, 0 errors` };
}

function parseResult(text: string): z.infer<typeof compilationSchema> | null {
  try {
    return compilationSchema.parse(JSON.parse(text.replace(/^\uFEFF/, '')));
  } catch {
    return null;
  }
}

function isCompiled(program: z.infer<typeof compilationSchema>['programs'][number] | undefined): boolean {
  const line = RESULT_LINE.exec(program?.log.join('\n') ?? '');
  return line !== null && line[1] === '0' && program!.ex5_bytes > 0;
}

function programsOf(root: string): string[] {
  return sourcesOf(root).filter((path) => path.endsWith('.mq5'));
}

/** Paths below mt5/ with slashes, in the order of their characters. */
function sourcesOf(root: string): string[] {
  const folders = FOLDERS.filter((folder) => existsSync(join(root, 'mt5', folder)));
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, 'mt5', folder), { recursive: true }).map(
      (name) => `${folder}/${String(name).replaceAll('\\', '/')}`,
    ),
  );
  return paths.filter((path) => /\.mq[h5]$/.test(path)).sort((a, b) => (a < b ? -1 : 1));
}

/** SHA-256 over lines `<hash>  <path>`; Windows line ends count as LF. compile.ps1 computes the same. */
export function mt5SourcesHash(root: string): string {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const lines = sourcesOf(root).map((path) => {
    const text = readFileSync(join(root, 'mt5', path), 'utf8').replace(/^\uFEFF/, '');
    return `${sha256(text.replaceAll('\r\n', '\n'))}  ${path}\n`;
  });
  return sha256(lines.join(''));
}

/** The sentence of README.md for each state. */
export const README_SENTENCE: Readonly<Record<Mt5Compilation['state'], string>> = {
  never: 'MetaEditor has never compiled the expert advisor',
  failed: 'MetaEditor could not compile the expert advisor',
  changed: 'MetaEditor compiled the expert advisor before its last changes',
  compiled: 'MetaEditor has compiled the expert advisor without errors',
};
