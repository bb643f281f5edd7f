import type { GoLiveValues } from '../../../shared/golive/golive_words.ts';
import { ask, ok, todo, type Judged } from './judged.ts';
import type { WindowsFacts } from './windows_facts.ts';

/** Lines of the checklist that a Windows machine has beside those of every system. */
export const WINDOWS_IDS = ['folders', 'exchange', 'service', 'sleep', 'time'] as const;
export type WindowsCheckId = (typeof WINDOWS_IDS)[number];

/** Where every terminal of a user reads and writes, and nowhere else. */
const COMMON_FILES = /\\MetaQuotes\\Terminal\\Common\\Files(?:\\|$)/i;

export const WINDOWS_CHECKS: Readonly<Record<WindowsCheckId, (facts: WindowsFacts) => Judged>> = {
  folders: ({ folderWarnings: [warning] }) =>
    warning === undefined ? ok('folders_right') : todo('folders_wrong', { warning }),

  exchange({ exchange, hasExchange }) {
    const seen: GoLiveValues = { folder: exchange };
    if (!hasExchange) return todo('exchange_absent', seen);
    return COMMON_FILES.test(exchange) ? ok('exchange_common', seen) : ask('exchange_elsewhere', seen);
  },

  service: ({ hasTask }) => (hasTask ? ok('service_task') : ask('service_none')),

  sleep({ sleepsAfterMinutes: minutes }) {
    if (minutes === 'unknown') return ask('sleep_unknown');
    return minutes === null ? ok('sleep_never') : todo('sleep_after', { minutes });
  },

  time({ keepsTime }) {
    if (keepsTime === 'unknown') return ask('time_unknown');
    return keepsTime ? ok('time_kept') : ask('time_free');
  },
};
