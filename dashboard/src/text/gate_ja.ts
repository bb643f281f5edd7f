/** Names of gates in Japanese; those of one model follow its name. */
const NAMES: Readonly<Record<string, string>> = {
  auc: 'AUC',
  brier: 'ブライアスコア',
  'risk pass rate': 'リスク通過率',
  'executable outside wide minutes': '広スプレッド時を除く執行可能性',
  'executable one minute later': '1分後約定の執行可能性',
  skill: 'プラセボを上回るスキル',
  'edge with columns one bar later': '列が1本遅れたときの優位性',
  'auc plausible': 'AUC の妥当性',
  'features look-ahead': '特徴量の先読み',
  'label ends': 'ラベルの終端',
  samples: 'サンプル数',
  f1: 'F1',
  'f1 above chance': '偶然を上回る F1',
  // Of bundles of earlier versions.
  'f1 above all-positive': '全陽性を上回る F1',
  'auc above noise': '偶然を上回る AUC',
  'prediction dispersion': '予測のばらつき',
  'fold borders': 'フォールド境界',
  'fitted on training rows only': '学習行のみでの適合',
  'shuffled labels': 'シャッフルしたラベル',
  'shuffled labels refused': 'シャッフルしたラベルの拒否',
  'golden vectors': 'ゴールデンベクトル',
  champion: 'チャンピオン',
  'champion auc': 'チャンピオンとの AUC',
  'champion brier': 'チャンピオンとのブライアスコア',
  'champion net sharpe': 'チャンピオンとのシャープレシオ',
};

/** Figures and limits of gates as bundles store them, `*` for a part, and their Japanese, `$1` for the first part. */
const TEXTS: readonly (readonly [string, string])[] = [
  [
    'AUC − placebo above 0 at 95 %, where a pair has an edge',
    '優位性のあるペアがあれば、AUC − プラセボが 95 % で 0 超',
  ],
  ['no pair has an edge; *', '優位性のあるペアなし、$1'],
  ['*; an edge of *', '$1、優位性: $2'],
  ['not measured: too few labels of both classes', '両クラスのラベルが不足し未測定'],
  ['* − * = *, of * trading days: too few', '$1 − $2 = $3（$4 取引日では不足）'],
  ['* − * = * ± *, at least * at 95 %', '$1 − $2 = $3 ± $4、95 % で $5 以上'],
  ['above 0, and at least * of each pair’s edge', '0 超、かつ各ペアの優位性の $1 以上'],
  ['no columns from outside', '外部の列なし'],
  ['gone: *; *', '消失: $1、列: $2'],
  ['* → no trade', '$1 → 取引なし'],
  ['* → * bps; *', '$1 → $2 bp、列: $3'],
  ['* → * bps', '$1 → $2 bp'],
  ['at most *, that of the baseline, beyond an error of *', 'ベースラインの $1 以下（誤差 $2 を除く）'],
  ['at most *', '$1 以下'],
  ['at least * on the holdout', 'ホールドアウトで $1 以上'],
  ['below *, that of the baseline', 'ベースラインの $1 未満'],
  ["from * to * of the holdout's, beyond an error of *", 'ホールドアウトの候補の $1～$2（誤差 $3 を除く）'],
  ["from * to * of the holdout's", 'ホールドアウトの候補の $1～$2'],
  ['above 0, and at least * of it', '0 超、かつ元の $1 以上'],
  ['at least * to compare by', '比較に $1 件以上'],
  ['at least *, of the pairs with an edge', '$1 以上（優位性のあるペアのみ）'],
  ['at least *, as if every pair had an edge', '$1 以上（全ペアに優位性があるとして）'],
  ['at least * in all and in the last 24 h of each pair', '全体と各ペアの直近 24 時間で $1 以上'],
  ['at least *', '$1 以上'],
  ['no recorded verdict', '判定の記録なし'],
  ['no recorded verdicts', '判定の記録なし'],
  ['passed', '合格'],
  ['no limit in the policy', 'ポリシーに基準なし'],
  ['* and * decide', '$1と$2で判定'],
  ['less than * below', '低下は $1 未満'],
  ['not more than * below', '低下は $1 以内'],
  ['not more than * above, the error of the difference', '悪化は差の誤差 $1 以内'],
  ['too few hours to tell a difference from chance', '差を偶然と区別できる時間が不足'],
  [
    'above * and * of as many random answers, beyond an error of *',
    '同数の無作為な回答の $1 と $2 を誤差 $3 を超えて上回る',
  ],
  ['above *, beyond an error of *', '$1 を誤差 $2 を超えて上回る'],
  ['above *, * standard errors of * independent rows', '$1 超（独立 $3 行の標準誤差の $2 倍）'],
  ['above *', '$1 超'],
  [
    'no training label overlaps a test label or begins within * s after it',
    '学習ラベルがテストラベルと重ならず、その後 $1 秒以内に始まらない',
  ],
  [
    'features from the * minutes up to a bar equal those of the long run',
    '足までの $1 分だけで計算した特徴量が全期間のものと一致',
  ],
  ['a label needs no bar after the one at which it was known', 'ラベルは確定した足より後の足に依存しない'],
  ['0.5 ± *, the error with * independent rows of *', '0.5 ± $1（$3 行中、独立 $2 行の誤差）'],
  ['0.5 ± *, * standard errors with * independent rows of *', '0.5 ± $1（$4 行中、独立 $3 行の標準誤差の $2 倍）'],
  ['the gate refuses a model of shuffled labels', 'シャッフルしたラベルのモデルをゲートが拒否する'],
  ['the same bytes', 'バイト単位で同一'],
  ['onnxruntime answers within * of the learner', 'onnxruntime の出力と学習器の差が $1 以内'],
  ['none to compare with', '比較対象なし'],
  ['there is none', 'チャンピオンなし'],
  ['none', 'なし'],
  ['* since *', '$1（$2 以降）'],
  ['* of * candidates', '候補 $2 件の $1'],
  ['no pair with an edge', '優位性のあるペアなし'],
  ['* bps per trade: no net result to lose', '1取引あたり $1 bp（失う純益なし）'],
  ['* of * bps per trade, * trades', '1取引あたり $2 bp のうち $1 bp、$3 取引'],
  [
    '* entry candidates that neither these models nor * have learned from',
    'このモデルも $2 も学習していないエントリー候補 $1 件',
  ],
  ['no ratio of * trades against none of * of *', '比率なし（$1 取引、$3 は $2 取引）'],
  ['* of * trades against * of * of *', '$1（$2 取引）、$5 は $3（$4 取引）'],
  ['* against * of *', '$1、$3 は $2'],
  ['*, * with balanced classes', '$1、クラス均衡で $2'],
  ['* above *, classes balanced', '$1（閾値 $2、クラス均衡）'],
  ['variance *; in the last 24 h *, frozen: *', '分散 $1、直近 24 時間 $2、変化なし: $3'],
  ['variance *; in the last 24 h *', '分散 $1、直近 24 時間 $2'],
  ['all pairs, *', '全ペア, $1'],
  ['all pairs', '全ペア'],
  ['no overlap of * training rows in * splits', '$2 分割の学習 $1 行に重なりなし'],
  ['* overlapping training rows in *, *', '$2 で学習 $1 行が重複、$3'],
  ['* overlapping training rows in *', '$2 で学習 $1 行が重複'],
  ['* sampled bars equal to the bit', '抽出した $1 本がビット単位で一致'],
  ['* of * sampled bars differ, first *', '抽出した $2 本中 $1 本が不一致、最初は $3'],
  ['* has * warm bars at *', '$1 の $3 に準備済みの足が $2 本'],
  ['* sampled labels the same', '抽出した $1 ラベルが一致'],
  ['* of * sampled labels differ, first *', '抽出した $2 ラベル中 $1 件が不一致、最初は $3'],
  ['* after * bars became *', '$2 本後の $1 が $3 に変化'],
  ['* after * bars', '$2 本後の $1'],
  ['model * of * whatever its other * rows hold', '$2 のモデル $1 は他の $3 行の内容によらず同一'],
  ['model * of * became * when its other * rows changed', '$2 のモデル $1 が他の $4 行の変更で $3 に変化'],
  ['AUC * out of fold, labels shuffled in blocks of * rows', 'フォールド外 AUC $1（$2 行ごとにラベルをシャッフル）'],
  ['refused by *', '$1 で拒否'],
  ['the gate let it in', 'ゲートを通過'],
  ['* rows in each of three models', '3 モデルで各 $1 行'],
  ['* was trained on a simulated market', '$1 はシミュレーション市場で学習'],
  ['* was trained on a live market', '$1 は実市場で学習'],
];

const PATTERNS = TEXTS.map(([english, japanese]) => {
  const parts = english.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return [new RegExp(`^${parts.join('(.+?)')}$`), japanese] as const;
});

/** The name of a gate in Japanese; an unknown one unchanged. */
export function gateInJapanese(name: string): string {
  const [, model, rest] = /^(ai\d) (.+)$/.exec(name) ?? [null, '', name];
  const own = NAMES[rest!];
  if (own === undefined) return name;
  return model === '' ? own : `${model!.toUpperCase()} ${own}`;
}

/** A figure or a limit of a gate in Japanese; null for one that is not known. */
export function figureInJapanese(text: string): string | null {
  if (!/[a-z]{2}/.test(text)) return text;
  for (const [pattern, japanese] of PATTERNS) {
    const found = pattern.exec(text);
    if (found !== null) return japanese.replace(/\$(\d)/g, (_, part: string) => partInJapanese(found[Number(part)]!));
  }
  return null;
}

/** Parts are figures, names of gates, or texts themselves. */
function partInJapanese(part: string): string {
  return figureInJapanese(part) ?? part.split(', ').map(gateInJapanese).join('、');
}

/** Longer names first, because some begin as others do. */
const NAMED = Object.keys(NAMES).sort((a, b) => b.length - a.length);
const REJECTION = new RegExp(String.raw`^((?:ai\d )?(?:${NAMED.join('|')})) ([^(]+) \((.+)\)$`);

/** `ai1 auc 0.5012 (at least 0.52 on the holdout)`, the reason of a rejection; null for one that is not known. */
export function rejectionInJapanese(text: string): string | null {
  const [, name = '', seen = '', limit = ''] = REJECTION.exec(text) ?? [];
  const figure = figureInJapanese(seen);
  const least = figureInJapanese(limit);
  return name === '' || figure === null || least === null ? null : `${gateInJapanese(name)}: ${figure}、基準 ${least}`;
}
