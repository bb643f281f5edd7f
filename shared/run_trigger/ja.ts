import { findingTextIn, withOptions } from './finding_text.ts';
import type { FindingFigures, TriggerCatalog } from './trigger_words.ts';

const mostIn = ({ pair }: FindingFigures): string => (pair === null ? '' : `（最大は ${pair}）`);
const ofGroup = ({ subject }: FindingFigures): string => (subject === '' ? '' : `グループ ${subject} の`);

function compared(name: string, of: FindingFigures): string {
  const apart = `差 ${(of.figure * 100).toFixed(0)} % > ${of.limit * 100} %`;
  return `${ofGroup(of)}${name} ${of.fixed('live', 3)}、バンドルは ${of.fixed('bundle', 3)}: ${apart}`;
}

const SCHEDULES = {
  full: 'スケジュール',
  weekly: '週次スケジュール',
  incremental: '追加学習スケジュール',
  direction: '方向モデルのスケジュール',
  rules: 'ルール探索のスケジュール',
} as const;

const COSTS: Readonly<Record<string, string>> = {
  spread_and_slippage: 'スプレッドとスリッページ',
  slippage: 'スリッページ',
};

export const JA: TriggerCatalog = {
  triggers: {
    command: ({ command }) => command,
    request: ({ door, options, settings }) =>
      withOptions(door === 'retrain' ? '要求' : '画面または API', options, settings),
    first_models: () => '最初のモデル',
    schedule: ({ schedule }) => SCHEDULES[schedule],
    monitor: ({ findings, more }) =>
      `監視: ${findings.map((found) => findingTextIn(JA, found)).join('、')}${more === 0 ? '' : `、ほか ${more} 件`}`,
    other: ({ text }) => text,
  },
  findings: {
    'drift psi': (of) => `${of.subject} の PSI ${of.figure.toFixed(2)} > ${of.limit}${mostIn(of)}`,
    'drift mean shift': (of) => `${of.subject} の平均のずれ ${of.figure.toFixed(2)} > ${of.limit} σ${mostIn(of)}`,
    auc: (of) => compared('AUC', of),
    'win rate': (of) => compared('勝率', of),
    'direction bias': (of) =>
      `方向モデルの偏り ${of.subject}: 基準外、予測の平均 ${of.fixed('mean', 2)}、${of.text('version')} の ${of.text('calls')} 回の予測の ${(100 * of.figure).toFixed(0)} % が上昇`,
    'direction drift psi': (of) => `方向モデル ${of.subject} の PSI ${of.figure.toFixed(2)} > ${of.limit}${mostIn(of)}`,
    'direction drift mean shift': (of) =>
      `方向モデル ${of.subject} の平均のずれ ${of.figure.toFixed(2)} > ${of.limit} σ${mostIn(of)}`,
    'direction win rate': (of) =>
      `方向モデル ${of.subject} の勝率 ${of.fixed('live', 3)}、バンドルは ${of.fixed('bundle', 3)}: ${(of.figure * 100).toFixed(0)} % の差 > ${of.limit * 100} %`,
    'direction age': (of) =>
      `方向モデル ${of.subject} の学習した最後の足からの日数 ${of.figure.toFixed(1)} > ${of.limit} 日`,
    'pass rate': (of) => `通過率 ${of.figure.toFixed(2)} が ${of.text('lowest')}～${of.text('highest')} の外`,
    'risk streak': (of) =>
      `リスク連続: 直近の候補 ${of.text('candidates')} 件がすべて risk_flag 1、連続 ${of.figure} 区間（通過率 ${of.fixed('pass_rate', 2)} では ${of.limit} 以上は過多）`,
    'model age': (of) => `モデルが学習した最後の足からの日数 ${of.figure.toFixed(1)} > ${of.limit} 日`,
    'fill win rate': (of) =>
      `${of.subject} の ${of.text('positions')} ポジションの勝率 ${of.fixed('live', 3)}、バンドルは ${of.fixed('bundle', 3)}: ${(of.figure * 100).toFixed(0)} % 低い > ${of.limit * 100} %`,
    'fill result': (of) =>
      `${of.subject} の ${of.text('positions')} ポジションの損益 ${of.fixed('live_bps', 2)} bp、バンドルは ${of.fixed('bundle_bps', 2)} bp: ${of.figure.toFixed(2)} 低い > ${of.limit} bp`,
    'fill costs': (of) =>
      `${of.text('symbol')} の${COSTS[of.text('kind')] ?? of.text('kind')} 片側 ${of.figure.toFixed(2)} bp（${of.text('account')} の約定 ${of.text('fills')} 件）、設定は ${of.fixed('configured_bps', 2)} bp: ${of.text('gap_percent')} % 超の差。` +
      `config/minutehand.yaml の symbols に ${of.text('symbol')}: { spread_bps: ${of.fixed('spread_bps', 2)}, slippage_bps: ${of.fixed('slippage_bps', 2)} }`,
  },
};
