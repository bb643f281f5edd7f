import { findingTextIn, withOptions } from './finding_text.ts';
import type { FindingFigures, TriggerCatalog } from './trigger_words.ts';

const mostIn = ({ pair }: FindingFigures): string => (pair === null ? '' : ` (most in ${pair})`);
const ofGroup = ({ subject }: FindingFigures): string => (subject === '' ? '' : ` of group ${subject}`);

function compared(name: string, of: FindingFigures): string {
  const apart = `${(of.figure * 100).toFixed(0)} % apart > ${of.limit * 100} %`;
  return `${name}${ofGroup(of)} ${of.fixed('live', 3)} against ${of.fixed('bundle', 3)} of the bundle: ${apart}`;
}

const COSTS: Readonly<Record<string, string>> = { spread_and_slippage: 'spread and slippage', slippage: 'slippage' };

export const EN: TriggerCatalog = {
  triggers: {
    command: ({ command }) => command,
    request: ({ door, options, settings }) => withOptions(door === 'retrain' ? 'request' : 'api', options, settings),
    first_models: () => 'first models',
    schedule: ({ schedule }) => (schedule === 'full' ? 'schedule' : `${schedule} schedule`),
    monitor: ({ findings, more }) =>
      `monitor: ${findings.map((found) => findingTextIn(EN, found)).join('; ')}${more === 0 ? '' : ` and ${more} more`}`,
    other: ({ text }) => text,
  },
  findings: {
    'drift psi': (of) => `drift psi ${of.subject} ${of.figure.toFixed(2)} > ${of.limit}${mostIn(of)}`,
    'drift mean shift': (of) => `drift mean shift ${of.subject} ${of.figure.toFixed(2)} > ${of.limit} σ${mostIn(of)}`,
    auc: (of) => compared('auc', of),
    'win rate': (of) => compared('win rate', of),
    'direction bias': (of) =>
      `direction bias ${of.subject}: outside its limits; mean prediction ${of.fixed('mean', 2)}, ${(100 * of.figure).toFixed(0)} % of ${of.text('calls')} calls of ${of.text('version')} are up`,
    'direction drift psi': (of) =>
      `direction drift psi ${of.subject} ${of.figure.toFixed(2)} > ${of.limit}${mostIn(of)}`,
    'direction drift mean shift': (of) =>
      `direction drift mean shift ${of.subject} ${of.figure.toFixed(2)} > ${of.limit} σ${mostIn(of)}`,
    'direction win rate': (of) =>
      `direction win rate ${of.subject} ${of.fixed('live', 3)} against ${of.fixed('bundle', 3)} of the bundle: ${(of.figure * 100).toFixed(0)} % apart > ${of.limit * 100} %`,
    'direction age': (of) =>
      `direction age ${of.subject} ${of.figure.toFixed(1)} > ${of.limit} days since the last bar that it learned from`,
    'pass rate': (of) => `pass rate ${of.figure.toFixed(2)} outside ${of.text('lowest')} to ${of.text('highest')}`,
    'risk streak': (of) =>
      `risk streak: risk_flag 1 at the last ${of.text('candidates')} candidates, ${of.figure} blocks of time in a row, at least ${of.limit} are too many for a pass rate of ${of.fixed('pass_rate', 2)}`,
    'model age': (of) =>
      `model age ${of.figure.toFixed(1)} > ${of.limit} days since the last bar that they learned from`,
    'fill win rate': (of) =>
      `win rate of ${of.text('positions')} ${of.subject} positions ${of.fixed('live', 3)} against ${of.fixed('bundle', 3)} of the bundle: ${(of.figure * 100).toFixed(0)} % below > ${of.limit * 100} %`,
    'fill result': (of) =>
      `result of ${of.text('positions')} ${of.subject} positions ${of.fixed('live_bps', 2)} bps against ${of.fixed('bundle_bps', 2)} of the bundle: ${of.figure.toFixed(2)} below > ${of.limit} bps`,
    'fill costs': (of) =>
      `${COSTS[of.text('kind')] ?? of.text('kind')} of ${of.text('symbol')} ${of.figure.toFixed(2)} bps a side in ${of.text('fills')} ${of.text('account')} fills, configured ${of.fixed('configured_bps', 2)} > ${of.text('gap_percent')} % more; ` +
      `put into symbols of config/minutehand.yaml: ${of.text('symbol')}: { spread_bps: ${of.fixed('spread_bps', 2)}, slippage_bps: ${of.fixed('slippage_bps', 2)} }`,
  },
};
