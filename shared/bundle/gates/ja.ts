import { marketJa } from '../../signal/market_ja.ts';
import type { GateRole } from './gate_codes.ts';
import type { GateFigures } from './gate_figures.ts';
import type { GateCatalog, GateSubject } from './gate_words.ts';

const since = (text: string, of: GateFigures): string =>
  of.has('since') ? `${text}（${of.text('since')} 以降）` : text;

const executable = {
  seen: (of: GateFigures): string => {
    if (of.reason === 'no_trades') return '優位性のあるペアなし';
    if (of.reason === 'nothing_to_lose') return `取引ごとに ${of.fixed('net_bps', 2)} bp（失う純益なし）`;
    return `取引ごとに ${of.fixed('net_bps', 2)} bp のうち ${of.value} bp、${of.text('trades')} 取引`;
  },
  limit: (of: GateFigures): string => `0 超、かつ元の ${of.percent('least_share')} 以上`,
};

function skill(of: GateFigures): string {
  if (of.reason === 'not_measured' || !of.has('auc')) return '両クラスのラベルが不足し未測定';
  const difference = `${of.fixed('auc', 3)} − ${of.fixed('placebo_auc', 3)} = ${of.fixed('skill', 3)}`;
  if (of.number('standard_error') === null || of.number('lower_95') === null)
    return `${difference}（${of.text('days')} 取引日では不足）`;
  return `${difference} ± ${of.fixed('standard_error', 3)}、95 % で ${of.fixed('lower_95', 3)} 以上`;
}

function delayed(of: GateFigures): string {
  if (of.reason === 'no_columns') return '外部の列なし';
  const columns = `列: ${of.list('columns').join('、')}`;
  if (of.reason === 'no_edge') return `優位性のあるペアなし、${columns}`;
  const later = of.record('delayed_net_bps');
  const gone = of.list('gone');
  const shown = Object.entries(of.record('net_bps'))
    .filter(([pair]) => gone.length === 0 || gone.includes(pair))
    .map(([pair, net]) => {
      const remains = later[pair];
      return `${pair} ${Number(net).toFixed(2)} → ${typeof remains === 'number' ? `${remains.toFixed(2)} bp` : '取引なし'}`;
    });
  return `${gone.length > 0 ? '消失: ' : ''}${shown.join('、')}、${columns}`;
}

function lookAhead(of: GateFigures): string {
  if (of.number('sampled') === 0 || !of.has('first_pair')) {
    const but = of.has('not_recomputed') ? `（表の列 ${of.list('not_recomputed').join('、')} を除く）` : '';
    return `抽出した ${of.text('sampled')} 本がビット単位で一致${but}`;
  }
  const pair = of.text('first_pair');
  const first = of.has('first_warm_bars')
    ? `${pair} の ${of.text('first_time')} に準備済みの足が ${of.text('first_warm_bars')} 本`
    : `${pair} ${of.text('first_time')}: ${of.list('first_columns').join('、')}`;
  return `抽出した ${of.text('sampled')} 本中 ${of.value} 本が不一致、最初は ${first}`;
}

function labelEnds(of: GateFigures): string {
  if (!of.has('first_pair')) return `抽出した ${of.text('sampled')} ラベルが一致`;
  const again = of.has('again_label') ? `${of.text('again_bars')} 本後の ${of.text('again_label')}` : 'なし';
  const first = `${of.text('first_pair')} ${of.text('first_time')}: ${of.text('bars')} 本後の ${of.text('label')} が ${again} に変化`;
  return `抽出した ${of.text('sampled')} ラベル中 ${of.value} 件が不一致、最初は ${first}`;
}

function borders(of: GateFigures): string {
  const found = Object.entries(of.record('overlaps'));
  if (found.length === 0) return `${of.text('splits')} 分割の学習 ${of.text('checked')} 行に重なりなし`;
  return found.map(([split, rows]) => `${split} で学習 ${rows} 行が重複`).join('、');
}

const SUBJECT_OF_PAIRS: GateSubject = { subject: 'ペア', compared: 'エントリー候補' };
/** Of models that are not of pairs. */
const SUBJECTS: Readonly<Partial<Record<GateRole, GateSubject>>> = {
  direction: { subject: '銘柄', compared: 'ラベル付きバー' },
};

const subjectOf = ({ role }: GateFigures): GateSubject =>
  (role === null ? undefined : SUBJECTS[role]) ?? SUBJECT_OF_PAIRS;

function champion(of: GateFigures): string {
  switch (of.reason) {
    case 'none':
      return 'チャンピオンなし';
    case 'other_market':
      return `${of.text('version')} は${marketJa(of.text('market'))}で学習`;
    case 'unusable':
      return `使用不可: ${of.text('error')}`;
    default:
      return `このモデルも ${of.text('version')} も学習していない${subjectOf(of).compared} ${of.value} 件`;
  }
}

const against = (of: GateFigures): string =>
  since(`${of.fixed('challenger', 4)}、${of.text('version')} は ${of.fixed('champion', 4)}`, of);

function championSharpe(of: GateFigures): string {
  const trades = of.text('trades');
  const others = of.text('champion_trades');
  const version = of.text('version');
  if (of.reason === 'no_ratio') return since(`比率なし（${trades} 取引、${version} は ${others} 取引）`, of);
  return since(`${of.value}（${trades} 取引）、${version} は ${of.fixed('champion', 2)}（${others} 取引）`, of);
}

const dash = (of: GateFigures, name: string, digits = 3): string =>
  of.number(name) === null ? '–' : of.fixed(name, digits);

/** Limits that are judged: none is no text. */
function between(of: GateFigures, what: string, least: string, most: string): string[] {
  return of.number(least) === null ? [] : [`${what} ${of.text(least)}～${of.text(most)}`];
}

/** Codes of `DirectionBias.biased` in trainer/learning/strategies/direction/direction_bias.ts. */
const BIASES: Readonly<Record<string, string>> = {
  'prediction mean': '平均',
  'prediction minimum': '最小',
  'prediction maximum': '最大',
  outcome: '実績との差',
  'buy ratio': '買い比率',
  'buy ratio by hour': '時間帯別の買い比率',
  'bull market': '上昇相場の買い比率',
  'bear market': '下落相場の売り比率',
  'variance 24 hours': '24時間の分散',
};

export const JA: GateCatalog = {
  gates: {
    auc: { name: 'AUC', limit: (of) => `ホールドアウトで ${of.limit} 以上` },
    brier: {
      name: 'ブライアスコア',
      limit: (of) => `ベースラインの ${of.fixed('baseline', 4)} 以下（誤差 ${of.fixed('error', 4)} を除く）`,
    },
    risk_pass_rate: {
      name: 'リスク通過率',
      seen: (of) => `候補 ${of.text('candidates')} 件の ${of.value}`,
      limit: (of) =>
        `ホールドアウトの候補の ${of.percent('lowest')}～${of.percent('highest')}（誤差 ${of.percent('error')} を除く）`,
    },
    executable_outside_wide_minutes: { name: '広スプレッド時を除く執行可能性', ...executable },
    executable_one_minute_later: { name: '1分後約定の執行可能性', ...executable },
    skill: {
      name: 'プラセボを上回るスキル',
      seen: (of) => {
        const claimed = of.list('claimed');
        return claimed.length === 0
          ? `優位性のあるペアなし、${skill(of)}`
          : `${skill(of)}、優位性: ${claimed.join('、')}`;
      },
      limit: () => '優位性のあるペアがあれば、AUC − プラセボが 95 % で 0 超',
    },
    edge_with_columns_one_bar_later: {
      name: '列が1本遅れたときの優位性',
      seen: delayed,
      limit: (of) => `0 超、かつ各ペアの優位性の ${100 * (of.number('least_share') ?? 0)} % 以上`,
    },
    auc_plausible: {
      name: 'AUC の妥当性',
      seen: (of) =>
        of.has('pair') ? `${of.text('pair')} のみで ${of.value}、全ペアで ${of.fixed('pooled', 4)}` : of.value,
    },
    features_look_ahead: {
      name: '特徴量の先読み',
      seen: lookAhead,
      limit: (of) => `足までの ${of.text('warm_up_bars')} 分だけで計算した特徴量が全期間のものと一致`,
    },
    served_columns: {
      name: '提供できる列',
      seen: (of) => `${of.list('columns').join('、')}：表の列で、デーモンの計算値と異なる`,
      limit: () => 'デーモンが計算する列',
    },
    label_ends: {
      name: 'ラベルの終端',
      seen: labelEnds,
      limit: () => 'ラベルは確定した足より後の足に依存しない',
    },
    samples: { name: 'サンプル数' },
    f1: {
      name: 'F1',
      seen: (of) => (of.has('f1_balanced') ? `${of.value}、クラス均衡で ${of.fixed('f1_balanced', 4)}` : of.value),
      seenOf: {
        direction: (of) =>
          `${dash(of, 'f1')}、偶然では ${dash(of, 'f1_chance')}、その差は ${dash(of, 'f1_gain_lower')} 以上`,
      },
    },
    f1_above_chance: {
      name: '偶然を上回る F1',
      seen: (of) => (of.has('f1_balanced') ? `${of.value}、クラス均衡で ${of.fixed('f1_balanced', 4)}` : of.value),
      limit: (of) =>
        `同数の無作為な回答の ${of.fixed('f1_chance', 4)} と ${of.fixed('f1_balanced_chance', 4)} を誤差 ${of.fixed('error', 4)} を超えて上回る`,
    },
    auc_above_noise: {
      name: '偶然を上回る AUC',
      limit: (of) => `0.5 を誤差 ${of.fixed('error', 4)} を超えて上回る`,
    },
    prediction_dispersion: {
      name: '予測のばらつき',
      seen: (of) => {
        const frozen = of.list('frozen').map((pair) => (pair === 'all' ? '全ペア' : pair));
        const all = `分散 ${of.variance('variance')}、直近 24 時間 ${of.variance('last_24h')}`;
        return frozen.length === 0 ? all : `${all}、変化なし: ${frozen.join('、')}`;
      },
      limit: (of) => `全体と各ペアの直近 24 時間で ${of.exponent('least_variance')} 以上`,
    },
    fold_borders: {
      name: 'フォールド境界',
      seen: borders,
      limit: (of) => `学習ラベルがテストラベルと重ならず、その後 ${of.text('embargo_seconds')} 秒以内に始まらない`,
    },
    fitted_on_training_rows_only: {
      name: '学習行のみでの適合',
      seen: (of) =>
        of.text('before') === of.text('after')
          ? `${of.text('split')} のモデル ${of.text('before')} は他の ${of.text('other_rows')} 行の内容によらず同一`
          : `${of.text('split')} のモデル ${of.text('before')} が他の ${of.text('other_rows')} 行の変更で ${of.text('after')} に変化`,
      limit: () => 'バイト単位で同一',
    },
    shuffled_labels: {
      name: 'シャッフルしたラベル',
      seen: (of) => `フォールド外 AUC ${of.value}（${of.text('block_rows')} 行ごとにラベルをシャッフル）`,
      limit: (of) =>
        `0.5 ± ${of.fixed('error', 4)}（${of.text('rows')} 行中、独立 ${of.text('independent_rows')} 行の誤差）`,
    },
    shuffled_labels_refused: {
      name: 'シャッフルしたラベルの拒否',
      seen: (of) => {
        const by = of.list('refused_by').map(nameOf);
        return by.length === 0 ? 'ゲートを通過' : `${by.join('、')} で拒否`;
      },
      limit: () => 'シャッフルしたラベルのモデルをゲートが拒否する',
    },
    bias: {
      name: '予測の偏り',
      seen: (of) => {
        const biased = of.list('biased').map((code) => BIASES[code] ?? code);
        const range = `${dash(of, 'prediction_min')}～${dash(of, 'prediction_max')}、平均 ${dash(of, 'mean')}`;
        const outcome = `予測 ${dash(of, 'predicted')} に対し実績 ${dash(of, 'observed')}`;
        const buys = of.number('buy_ratio') === null ? '' : `、買い ${of.percent('buy_ratio')}`;
        return `${range}、${outcome}${buys}${biased.length === 0 ? '' : `、偏り: ${biased.join('、')}`}`;
      },
      limit: (of) =>
        [
          ...between(of, '各予測は', 'least', 'most'),
          ...between(of, '平均は', 'least_mean', 'most_mean'),
          `実績との差は ${of.text('tolerance')} 以内`,
          ...between(of, '買い比率は', 'least_buys', 'most_buys'),
          ...between(of, '時間帯別では', 'least_hour', 'most_hour'),
          ...between(of, '上昇相場では', 'least_bull', 'most_bull'),
          ...between(of, '下落相場の売り比率は', 'least_bear', 'most_bear'),
          ...(of.number('most_variance') === null ? [] : [`日内の分散は ${of.text('most_variance')} 以下`]),
        ].join('、'),
    },
    plausible: {
      name: '妥当性',
      seen: (of) =>
        of.reason === 'no_bar_moved' ? '動いた足なし' : `${dash(of, 'auc')} ± ${dash(of, 'standard_error')}`,
      limit: (of) => `${of.text('most')} 以下、または超過が偶然の範囲`,
    },
    series_foresight: {
      name: '系列の先読み',
      seen: (of) => {
        const series = of.list('series');
        return series.length === 0 ? '値のある系列なし' : `${series.join('、')} に先読みなし`;
      },
      limit: () => '先読みする系列なし',
    },
    single_column: {
      name: '単独の列',
      seen: (of) => {
        if (of.reason === 'no_column') return '十分な行に値のある列なし';
        if (of.reason === 'of_training') return '学習時に判定済み（`models show`）';
        return `${of.text('column')} ${dash(of, 'auc')}`;
      },
      limit: (of) => `学習行の AUC が偶然を除き ${of.text('most')} 以下`,
    },
    one_bar_later: {
      name: '系列が1本遅れたときの純益',
      seen: (of) => {
        if (of.reason === 'no_edge') return '優位性の主張なし';
        if (of.reason === 'no_series') return '値のある系列なし';
        return `純益 ${dash(of, 'net_bps', 1)} bp、遅延時 ${dash(of, 'delayed_net_bps', 1)} bp（${of.text('delayed_trades')} 取引）`;
      },
      limit: (of) => `純益の ${100 * (of.number('least_share') ?? 0)} % 以上が残る`,
    },
    rule_trades: { name: 'ルールの取引数' },
    rule_deflated_sharpe: { name: 'ルールの補正シャープレシオ' },
    rule_overfitting: { name: 'ルールの過剰適合確率' },
    rule_spa: { name: 'ルールの優越予測能力検定（SPA）' },
    rule_walk_forward: { name: 'ルールのウォークフォワード' },
    rule_holdout: {
      name: 'ルールのホールドアウト',
      limit: (of) => `${of.limit} 未満（ホールドアウトの ${of.text('look')} 回目の評価）`,
    },
    rule_one_bar_later: { name: 'ルールの約定または系列が1本遅れたとき' },
    golden_vectors: {
      name: 'ゴールデンベクトル',
      seen: (of) =>
        of.has('error') ? of.text('error') : `${of.role === null ? '三つのモデルで各 ' : ''}${of.text('rows')} 行`,
      limit: (of) => `onnxruntime の出力と学習器の差が ${of.exponent('tolerance')} 以内`,
    },
    champion: {
      name: 'チャンピオン',
      seen: champion,
      limit: (of) => (of.reason === '' ? `比較に ${of.limit} 件以上` : '比較対象なし'),
    },
    champion_auc: {
      name: 'チャンピオンとの AUC',
      seen: against,
      limit: (of) => `低下は ${of.text('most_loss')} 未満`,
    },
    champion_brier: {
      name: 'チャンピオンとのブライアスコア',
      seen: against,
      limit: (of) => `悪化は差の誤差 ${of.fixed('error', 5)} 以内`,
    },
    champion_net_sharpe: {
      name: 'チャンピオンとのシャープレシオ',
      seen: championSharpe,
      limit: (of) => {
        if (of.reason === 'no_ratio') return 'チャンピオンとの AUC とブライアスコアで判定';
        if (of.reason === 'no_limit') return 'ポリシーに基準なし';
        const { subject } = subjectOf(of);
        const basis =
          of.text('view') === 'all_pairs' ? `全${subject}に優位性があるとして` : `優位性のある${subject}のみ`;
        return `${of.limit} 以上（${basis}）`;
      },
    },
    rollout: {
      name: 'ロールアウト',
      seen: (of) => (of.has('active') ? `${of.text('active')} が進行中` : '進行中のものなし'),
      limit: () => '他のロールアウトが進行中でない',
    },
    costs: {
      name: 'コスト',
      seen: (of) => `1約定あたり ${of.fixed('bps', 2)} bps`,
      limit: (of) => `${of.fixed('least', 2)} 以上（ブローカーの実際のコストで再判定）`,
    },
    gates: { name: 'ゲート' },
    registry: {
      name: 'レジストリ',
      seen: (of) => of.text('error'),
      limit: () => '判定を読める',
    },
  },
  skill,
  roles: { ai1: 'AI1 ', ai2: 'AI2 ', ai3: 'AI3 ', direction: '方向モデル ' },
  group: (name) => `グループ ${name}: `,
  relations: {
    '>': (limit) => `${limit} 超`,
    '>=': (limit) => `${limit} 以上`,
    '<': (limit) => `${limit} 未満`,
    '<=': (limit) => `${limit} 以下`,
  },
  none: 'なし',
  noLimit: 'ポリシーに基準なし',
  noVerdict: '判定の記録なし',
  noVerdicts: '判定の記録なし',
  passed: '合格',
  tooFew: '差を偶然と区別できる時間が不足',
  rejection: (name, seen, limit) => `${name}: ${seen}、基準 ${limit}`,
};

function nameOf(code: string): string {
  return code in JA.gates ? JA.gates[code as keyof typeof JA.gates].name : code;
}
