import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

const ROOT = packageRoot();
const GUIDES = readdirSync(join(ROOT, 'docs', 'guides'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/guides/${name.replaceAll('\\', '/')}`);
const PAGES = ['README.md', ...GUIDES];

/** Sections whose commands are of systemd, udev or Wine; each names the place for Windows. */
const LINUX_ONLY: ReadonlySet<string> = new Set([
  'docs/guides/GO_LIVE.md: Linux with Wine',
  'docs/guides/OPERATE.md: Install',
  'docs/guides/OPERATE.md: Uninstall',
  'docs/guides/OPERATE.md: Health and watchdog',
  'docs/guides/OPERATE.md: Logs',
  'docs/guides/OPERATE.md: Latency',
  'docs/guides/OPERATE.md: Upgrade without a missed bar',
]);

/** Programs that Windows has, or that a guide tells to install there. */
const PROGRAMS = /^(?:npx minutehand|minutehand|npm|node|docker|kubectl|gcloud|gh|git|tar|curl|cd|cp|mkdir) /;
/** What only a shell of Unix reads: variables, quotes, pipes, redirections, lists, ends of lines, homes. */
const OF_UNIX_SHELLS = /[$'|;`]|&&|\\$|~\/| >{1,2} ?|\$\(/;

interface Block {
  readonly page: string;
  readonly section: string;
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let section = '';
  let open: { language: string; lines: string[] } | null = null;
  for (const line of readFileSync(join(ROOT, page), 'utf8').split('\n')) {
    const fence = /^ *```(\w*)$/.exec(line);
    if (fence !== null && open === null) open = { language: fence[1]!, lines: [] };
    else if (fence !== null && open !== null) {
      blocks.push({ page, section, language: open.language, text: open.lines.join('\n') });
      open = null;
    } else if (open !== null) open.lines.push(line.trim());
    else section = /^#+ (.+)$/.exec(line)?.[1] ?? section;
  }
  return blocks;
}

/** Whether PowerShell and cmd take every line as it is, its comment aside. */
function isPortable(text: string): boolean {
  return text
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)# .*$/, '').trim())
    .filter((line) => line !== '')
    .every((line) => PROGRAMS.test(`${line} `) && !OF_UNIX_SHELLS.test(line));
}

const isOfUnix = ({ language }: Block): boolean => language === 'bash' || language === 'sh';
const isOfWindows = ({ language }: Block): boolean => language === 'powershell' || language === 'bat';

describe('commands of the guides on Windows', () => {
  it('are the same as on Linux, or stand beside them, or their section says that they are of Linux', () => {
    const missing = PAGES.flatMap((page) =>
      blocksOf(page).flatMap((block, index, all) => {
        if (!isOfUnix(block) || isPortable(block.text)) return [];
        const next = all[index + 1];
        if (next !== undefined && next.section === block.section && isOfWindows(next)) return [];
        const place = `${page}: ${block.section}`;
        return LINUX_ONLY.has(place) ? [] : [`${place}: ${block.text.split('\n')[0]}`];
      }),
    );
    expect(missing).toEqual([]);
  });

  it('of Linux alone stand in sections that there are, with a word on Windows', () => {
    for (const place of LINUX_ONLY) {
      const [page, section] = place.split(': ') as [string, string];
      const text = readFileSync(join(ROOT, page), 'utf8');
      const own = text.split(/^#{2,} /m).find((part) => part.startsWith(`${section}\n`));
      expect(own, place).toMatch(/Windows|Linux with Wine/);
    }
  });
});
