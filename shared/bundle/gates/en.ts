import type { GateRole } from './gate_codes.ts';
import type { GateFigures } from './gate_figures.ts';
import type { EnglishCatalog, GateSubject } from './gate_words.ts';

const since = (text: string, of: GateFigures): string => (of.has('since') ? `${text} since ${of.text('since')}` : text);

const executable = {
  seen: (of: GateFigures): string => {
    if (of.reason === 'no_trades') return 'no pair with an edge';
    if (of.reason === 'nothing_to_lose') return `${of.fixed('net_bps', 2)} bps per trade: no net result to lose`;
    return `${of.value} of ${of.fixed('net_bps', 2)} bps per trade, ${of.text('trades')} trades`;
  },
  limit: (of: GateFigures): string => `above 0, and at least ${of.percent('least_share')} of it`,
};

/** `0.626 − 0.617 = 0.009 ± 0.004, at least 0.002 at 95 %`. */
function skill(of: GateFigures): string {
  if (of.reason === 'not_measured' || !of.has('auc')) return 'not measured: too few labels of both classes';
  const difference = `${of.fixed('auc', 3)} − ${of.fixed('placebo_auc', 3)} = ${of.fixed('skill', 3)}`;
  if (of.number('standard_error') === null || of.number('lower_95') === null)
    return `${difference}, of ${of.text('days')} trading days: too few`;
  return `${difference} ± ${of.fixed('standard_error', 3)}, at least ${of.fixed('lower_95', 3)} at 95 %`;
}

function delayed(of: GateFigures): string {
  if (of.reason === 'no_columns') return 'no columns from outside';
  const columns = of.list('columns').join(', ');
  if (of.reason === 'no_edge') return `no pair has an edge; ${columns}`;
  const later = of.record('delayed_net_bps');
  const gone = of.list('gone');
  const shown = Object.entries(of.record('net_bps'))
    .filter(([pair]) => gone.length === 0 || gone.includes(pair))
    .map(([pair, net]) => {
      const remains = later[pair];
      return `${pair} ${Number(net).toFixed(2)} → ${typeof remains === 'number' ? remains.toFixed(2) : 'no trade'} bps`;
    });
  return `${gone.length > 0 ? 'gone: ' : ''}${shown.join(', ')}; ${columns}`;
}

function lookAhead(of: GateFigures): string {
  if (of.number('sampled') === 0 || !of.has('first_pair')) {
    const but = of.has('not_recomputed') ? `, but of ${of.list('not_recomputed').join(', ')}, which a table has` : '';
    return `${of.text('sampled')} sampled bars equal to the bit${but}`;
  }
  const place = `${of.text('first_pair')} ${of.text('first_time')}`;
  const first = of.has('first_warm_bars')
    ? `${of.text('first_pair')} has ${of.text('first_warm_bars')} warm bars at ${of.text('first_time')}`
    : `${place}: ${of.list('first_columns').join(', ')}`;
  return `${of.value} of ${of.text('sampled')} sampled bars differ, first ${first}`;
}

function labelEnds(of: GateFigures): string {
  if (!of.has('first_pair')) return `${of.text('sampled')} sampled labels the same`;
  const again = of.has('again_label') ? `${of.text('again_label')} after ${of.text('again_bars')} bars` : 'none';
  const first = `${of.text('first_pair')} ${of.text('first_time')}: ${of.text('label')} after ${of.text('bars')} bars became ${again}`;
  return `${of.value} of ${of.text('sampled')} sampled labels differ, first ${first}`;
}

function borders(of: GateFigures): string {
  const found = Object.entries(of.record('overlaps'));
  if (found.length === 0) return `no overlap of ${of.text('checked')} training rows in ${of.text('splits')} splits`;
  return found.map(([split, rows]) => `${rows} overlapping training rows in ${split}`).join(', ');
}

const SUBJECT_OF_PAIRS: GateSubject = { subject: 'pair', compared: 'entry candidates' };
/** Of models that are not of pairs. */
const SUBJECTS: Readonly<Partial<Record<GateRole, GateSubject>>> = {
  direction: { subject: 'instrument', compared: 'labeled bars' },
};

const subjectOf = ({ role }: GateFigures): GateSubject =>
  (role === null ? undefined : SUBJECTS[role]) ?? SUBJECT_OF_PAIRS;

/** A direction bundle has one model. */
const modelsOf = ({ role }: GateFigures): string => (role === null ? ' in each of three models' : '');

function champion(of: GateFigures): string {
  switch (of.reason) {
    case 'none':
      return 'there is none';
    case 'other_market':
      return `${of.text('version')} was trained on a ${of.text('market')} market`;
    case 'unusable':
      return of.text('error');
    default:
      return `${of.value} ${subjectOf(of).compared} that neither these models nor ${of.text('version')} have learned from`;
  }
}

const against = (of: GateFigures): string =>
  since(`${of.fixed('challenger', 4)} against ${of.fixed('champion', 4)} of ${of.text('version')}`, of);

/** Limits that are judged: none is no text. */
function between(of: GateFigures, what: string, least: string, most: string): string[] {
  return of.number(least) === null ? [] : [`${what} from ${of.text(least)} to ${of.text(most)}`];
}

function championSharpe(of: GateFigures): string {
  const trades = of.text('trades');
  const others = `${of.text('champion_trades')} of ${of.text('version')}`;
  if (of.reason === 'no_ratio') return since(`no ratio of ${trades} trades against none of ${others}`, of);
  return since(`${of.value} of ${trades} trades against ${of.fixed('champion', 2)} of ${others}`, of);
}

const dash = (of: GateFigures, name: string, digits = 3): string =>
  of.number(name) === null ? '–' : of.fixed(name, digits);

export const EN: EnglishCatalog = {
  gates: {
    auc: {
      name: 'auc',
      limit: (of) => `at least ${of.limit} on the holdout`,
      next: 'AI1 has no skill on these pairs: use more history, or other pairs.',
    },
    brier: {
      name: 'brier',
      limit: (of) =>
        `at most ${of.fixed('baseline', 4)}, that of the baseline, beyond an error of ${of.fixed('error', 4)}`,
      next: 'Its probabilities are miscalibrated, often after a regime change: see `calibration` in `validation.json`.',
    },
    risk_pass_rate: {
      name: 'risk pass rate',
      seen: (of) => `${of.value} of ${of.text('candidates')} candidates`,
      limit: (of) =>
        `from ${of.percent('lowest')} to ${of.percent('highest')} of the holdout's, beyond an error of ${of.percent('error')}`,
      next: 'The holdout’s volatility differs from the training period’s: another θ2, or wait.',
    },
    executable_outside_wide_minutes: {
      name: 'executable outside wide minutes',
      ...executable,
      next: 'Spreads are wider than the backtest’s: check `symbols` and `no_entry_windows`.',
    },
    executable_one_minute_later: {
      name: 'executable one minute later',
      ...executable,
      next: 'The edge is in untradable prices: bad ticks, or the bid of a wide quote.',
    },
    skill: {
      name: 'skill',
      seen: (of) => {
        const claimed = of.list('claimed');
        return claimed.length === 0
          ? `no pair has an edge; ${skill(of)}`
          : `${skill(of)}; an edge of ${claimed.join(', ')}`;
      },
      limit: () => 'AUC − placebo above 0 at 95 %, where a pair has an edge',
      next: 'The edge is not of the model: use more history, or other pairs.',
    },
    edge_with_columns_one_bar_later: {
      name: 'edge with columns one bar later',
      seen: delayed,
      limit: (of) => `above 0, and at least ${100 * (of.number('least_share') ?? 0)} % of each pair’s edge`,
      next: 'These columns know the bar before it is over: correct their times.',
    },
    auc_plausible: {
      name: 'auc plausible',
      seen: (of) =>
        of.has('pair') ? `${of.value} of ${of.text('pair')} alone, ${of.fixed('pooled', 4)} of all pairs` : of.value,
      next: 'The bars or features know what comes: check their source and their times.',
    },
    features_look_ahead: {
      name: 'features look-ahead',
      seen: lookAhead,
      limit: (of) => `features from the ${of.text('warm_up_bars')} minutes up to a bar equal those of the long run`,
      next: 'Look-ahead, or a warm-up too short. A defect: report it.',
    },
    served_columns: {
      name: 'served columns',
      seen: (of) => `${of.list('columns').join(', ')}: of the table, and the daemon computes other values`,
      limit: () => 'columns that the daemon computes',
      next: 'The models would be asked about numbers that they have not learned: write the column as a formula, which the daemon computes too (docs/guides/extend/WRITE_A_FEATURE.md).',
    },
    label_ends: {
      name: 'label ends',
      seen: labelEnds,
      limit: () => 'a label needs no bar after the one at which it was known',
      next: 'Purging would be wrong. A defect: report it.',
    },
    samples: { name: 'samples', next: 'More history, or more pairs.' },
    f1: {
      name: 'f1',
      seen: (of) =>
        of.has('f1_balanced') ? `${of.value}, ${of.fixed('f1_balanced', 4)} with balanced classes` : of.value,
      seenOf: {
        direction: (of) =>
          `${dash(of, 'f1')}, by chance ${dash(of, 'f1_chance')}, above it by at least ${dash(of, 'f1_gain_lower')}`,
      },
      next: 'F1 depends on the share of positives: compare it with `f1 above chance`. Without this limit: take the model out of `quality_f1_gates` (retrain_policy.yaml) and train again.',
      nextOf: {
        direction:
          'The model rarely tells up, down and range apart, as most honest ones of hourly prices (about 0.48). To judge direction models by edge and the other gates alone, take direction out of `quality_f1_gates` (retrain_policy.yaml) and train again.',
      },
    },
    f1_above_chance: {
      name: 'f1 above chance',
      seen: (of) =>
        of.has('f1_balanced') ? `${of.value}, ${of.fixed('f1_balanced', 4)} with balanced classes` : of.value,
      limit: (of) =>
        `above ${of.fixed('f1_chance', 4)} and ${of.fixed('f1_balanced_chance', 4)} of as many random answers, beyond an error of ${of.fixed('error', 4)}`,
      next: 'A longer holdout, or more pairs.',
    },
    auc_above_noise: {
      name: 'auc above noise',
      limit: (of) => `above 0.5, beyond an error of ${of.fixed('error', 4)}`,
      next: 'A longer holdout, or more pairs.',
    },
    prediction_dispersion: {
      name: 'prediction dispersion',
      seen: (of) => {
        const frozen = of.list('frozen').map((pair) => (pair === 'all' ? 'all pairs' : pair));
        const all = `variance ${of.variance('variance')}; in the last 24 h ${of.variance('last_24h')}`;
        return frozen.length === 0 ? all : `${all}, frozen: ${frozen.join(', ')}`;
      },
      limit: (of) => `at least ${of.exponent('least_variance')} in all and in the last 24 h of each pair`,
      next: 'Look for constant or missing inputs of the named pair.',
    },
    fold_borders: {
      name: 'fold borders',
      seen: borders,
      limit: (of) =>
        `no training label overlaps a test label or begins within ${of.text('embargo_seconds')} s after it`,
      next: 'A defect: report it.',
    },
    fitted_on_training_rows_only: {
      name: 'fitted on training rows only',
      seen: (of) =>
        of.text('before') === of.text('after')
          ? `model ${of.text('before')} of ${of.text('split')} whatever its other ${of.text('other_rows')} rows hold`
          : `model ${of.text('before')} of ${of.text('split')} became ${of.text('after')} when its other ${of.text('other_rows')} rows changed`,
      limit: () => 'the same bytes',
      next: 'A defect: report it.',
    },
    shuffled_labels: {
      name: 'shuffled labels',
      seen: (of) => `AUC ${of.value} out of fold, labels shuffled in blocks of ${of.text('block_rows')} rows`,
      limit: (of) =>
        `0.5 ± ${of.fixed('error', 4)}, the error with ${of.text('independent_rows')} independent rows of ${of.text('rows')}`,
      next: 'A second shuffle has confirmed it. Report a leak.',
    },
    shuffled_labels_refused: {
      name: 'shuffled labels refused',
      seen: (of) => {
        const by = of.list('refused_by').map(nameOf);
        return by.length === 0 ? 'the gate let it in' : `refused by ${by.join(', ')}`;
      },
      limit: () => 'the gate refuses a model of shuffled labels',
      next: 'A second shuffle has confirmed it. Report a leak.',
    },
    bias: {
      name: 'bias',
      seen: (of) => {
        const biased = of.list('biased');
        const range = `${dash(of, 'prediction_min')} to ${dash(of, 'prediction_max')}, mean ${dash(of, 'mean')}`;
        const outcome = `outcomes ${dash(of, 'observed')} where it was ${dash(of, 'predicted')}`;
        const buys = of.number('buy_ratio') === null ? '' : `, ${of.percent('buy_ratio')} of the calls up`;
        return `${range}, ${outcome}${buys}${biased.length === 0 ? '' : `: ${biased.join(', ')}`}`;
      },
      limit: (of) =>
        [
          ...between(of, 'each', 'least', 'most'),
          ...between(of, 'their mean', 'least_mean', 'most_mean'),
          `their mean within ${of.text('tolerance')} of the outcomes`,
          ...between(of, 'calls that are up', 'least_buys', 'most_buys'),
          ...between(of, 'those of each hour', 'least_hour', 'most_hour'),
          ...between(of, 'those in bull markets', 'least_bull', 'most_bull'),
          ...between(of, 'calls that are down in bear markets', 'least_bear', 'most_bear'),
          ...(of.number('most_variance') === null ? [] : [`variance of a day at most ${of.text('most_variance')}`]),
        ].join(', '),
      next: 'Train on more bars, of rising and of falling markets, or with another `--balance`: where little can be foreseen, most models lean to one side.',
    },
    plausible: {
      name: 'plausible',
      seen: (of) =>
        of.reason === 'no_bar_moved' ? 'no bar moved' : `${dash(of, 'auc')} ± ${dash(of, 'standard_error')}`,
      limit: (of) => `at most ${of.text('most')}, or beyond it by chance`,
      next: 'Find what knows the future: compare the arrival times of the series with their source. If the market is like this, promote it with a reason.',
    },
    series_foresight: {
      name: 'series foresight',
      seen: (of) => {
        const series = of.list('series');
        return series.length === 0 ? 'no series has values' : `none of ${series.join(', ')}`;
      },
      limit: () => 'no series',
      next: 'Import the series with the times at which its values were known.',
    },
    single_column: {
      name: 'single column',
      seen: (of) => {
        if (of.reason === 'no_column') return 'no column has values on enough rows';
        if (of.reason === 'of_training') return 'judged in its training: see `models show`';
        return `${of.text('column')} ${dash(of, 'auc')}`;
      },
      limit: (of) => `an AUC of at most ${of.text('most')} on training rows, beyond chance`,
      next: 'The column is the label, or made from it: leave its series out.',
    },
    one_bar_later: {
      name: 'one bar later',
      seen: (of) => {
        if (of.reason === 'no_edge') return 'no edge is claimed';
        if (of.reason === 'no_series') return 'no series has values';
        return `net ${dash(of, 'net_bps', 1)} bps, delayed ${dash(of, 'delayed_net_bps', 1)} bps in ${of.text('delayed_trades')} trades`;
      },
      limit: (of) => `at least ${100 * (of.number('least_share') ?? 0)} % of the net result remains`,
      next: 'The edge is in values that a daemon receives too late: check `--lag` and the arrival times.',
    },
    rule_trades: {
      name: 'rule trades',
      next: 'The rule hardly ever trades: judge it on a longer period, or loosen its conditions.',
    },
    rule_deflated_sharpe: {
      name: 'rule deflated sharpe',
      next: 'As many rules without skill reach this Sharpe ratio: the rule is no better than the luck of the search.',
    },
    rule_overfitting: {
      name: 'rule overfitting',
      next: 'What is best on half of the blocks is not on the other half: search a smaller space.',
    },
    rule_spa: {
      name: 'rule spa',
      next: 'The best of the rules is within chance: use a longer period or a smaller space.',
    },
    rule_walk_forward: {
      name: 'rule walk forward',
      next: 'Searches that end earlier propose rules that do not earn afterwards: the search finds nothing that lasts.',
    },
    rule_holdout: {
      name: 'rule holdout',
      limit: (of) => `below ${of.limit} at evaluation ${of.text('look')} of the holdout`,
      next: 'The rule earns nothing that is beyond chance on bars that no search has seen: keep it out of use.',
    },
    rule_one_bar_later: {
      name: 'rule one bar later',
      next: 'The result is in the first bar after the signal or after an observation of a series, which no order reaches: the rule cannot be traded.',
    },
    golden_vectors: {
      name: 'golden vectors',
      seen: (of) => (of.has('error') ? of.text('error') : `${of.text('rows')} rows${modelsOf(of)}`),
      limit: (of) => `onnxruntime answers within ${of.exponent('tolerance')} of the learner`,
      next: 'Train again.',
    },
    champion: {
      name: 'champion',
      seen: champion,
      limit: (of) => (of.reason === '' ? `at least ${of.limit} to compare by` : 'none to compare with'),
      next: 'A holdout that begins later.',
    },
    champion_auc: {
      name: 'champion auc',
      seen: against,
      limit: (of) => `less than ${of.text('most_loss')} below`,
      next: 'Keep the champion.',
    },
    champion_brier: {
      name: 'champion brier',
      seen: against,
      limit: (of) => `not more than ${of.fixed('error', 5)} above, the error of the difference`,
      next: 'Keep the champion.',
    },
    champion_net_sharpe: {
      name: 'champion net sharpe',
      seen: championSharpe,
      limit: (of) => {
        if (of.reason === 'no_ratio') return 'champion auc and champion brier decide';
        if (of.reason === 'no_limit') return 'no limit in the policy';
        const { subject } = subjectOf(of);
        const basis =
          of.text('view') === 'all_pairs' ? `as if every ${subject} had an edge` : `of the ${subject}s with an edge`;
        return `at least ${of.limit}, ${basis}`;
      },
      next: 'Keep the champion.',
    },
    rollout: {
      name: 'rollout',
      seen: (of) => (of.has('active') ? `${of.text('active')} is active` : 'none is active'),
      limit: () => 'no other rollout is active',
      next: 'Wait for its end, or end it: `minutehand rollout abort`.',
    },
    costs: {
      name: 'costs',
      seen: (of) => `${of.fixed('bps', 2)} bps a fill`,
      limit: (of) => `at least ${of.fixed('least', 2)}: judge it again at what its broker charges`,
    },
    gates: { name: 'gates' },
    registry: {
      name: 'registry',
      seen: (of) => of.text('error'),
      limit: () => 'a readable verdict',
    },
  },
  skill,
  roles: { ai1: 'ai1 ', ai2: 'ai2 ', ai3: 'ai3 ', direction: 'direction ' },
  group: (name) => `group ${name}: `,
  relations: {
    '>': (limit) => `above ${limit}`,
    '>=': (limit) => `at least ${limit}`,
    '<': (limit) => `below ${limit}`,
    '<=': (limit) => `at most ${limit}`,
  },
  none: 'none',
  noLimit: 'no limit in the policy',
  noVerdict: 'no recorded verdict',
  noVerdicts: 'no recorded verdicts',
  passed: 'passed',
  tooFew: 'too few hours to tell a difference from chance',
  rejection: (name, seen, limit) => `${name} ${seen} (${limit})`,
};

function nameOf(code: string): string {
  return code in EN.gates ? EN.gates[code as keyof typeof EN.gates].name : code;
}
