import type { Operator } from './operator.ts';
import { ABS } from './operators/abs.ts';
import { ADD } from './operators/add.ts';
import { AND } from './operators/and.ts';
import { ARGMAX } from './operators/argmax.ts';
import { ARGMIN } from './operators/argmin.ts';
import { ATR } from './operators/atr.ts';
import { BETA_OF } from './operators/beta_of.ts';
import { BOLLINGER } from './operators/bollinger.ts';
import { CLIP } from './operators/clip.ts';
import { COALESCE } from './operators/coalesce.ts';
import { CORR } from './operators/corr.ts';
import { COUNT } from './operators/count.ts';
import { COV } from './operators/cov.ts';
import { CROSS } from './operators/cross.ts';
import { DAY_OF_WEEK } from './operators/day_of_week.ts';
import { DELAY } from './operators/delay.ts';
import { DELTA } from './operators/delta.ts';
import { DIVIDE } from './operators/divide.ts';
import { EMA } from './operators/ema.ts';
import { EQUAL } from './operators/equal.ts';
import { EXP } from './operators/exp.ts';
import { GREATEST } from './operators/greatest.ts';
import { HOUR } from './operators/hour.ts';
import { IS_MISSING } from './operators/is_missing.ts';
import { KURT } from './operators/kurt.ts';
import { LEAST } from './operators/least.ts';
import { LESS } from './operators/less.ts';
import { LESS_OR_EQUAL } from './operators/less_or_equal.ts';
import { LOG } from './operators/log.ts';
import { MAX } from './operators/max.ts';
import { MEAN } from './operators/mean.ts';
import { MEDIAN } from './operators/median.ts';
import { MIN } from './operators/min.ts';
import { MINUTE_OF_DAY } from './operators/minute_of_day.ts';
import { MULTIPLY } from './operators/multiply.ts';
import { NEGATE } from './operators/negate.ts';
import { NOT } from './operators/not.ts';
import { OR } from './operators/or.ts';
import { POW } from './operators/pow.ts';
import { QUANTILE } from './operators/quantile.ts';
import { RANK } from './operators/rank.ts';
import { RESID } from './operators/resid.ts';
import { RSI } from './operators/rsi.ts';
import { SIGN } from './operators/sign.ts';
import { SINCE } from './operators/since.ts';
import { SKEW } from './operators/skew.ts';
import { SLOPE } from './operators/slope.ts';
import { SQRT } from './operators/sqrt.ts';
import { STD } from './operators/std.ts';
import { SUBTRACT } from './operators/subtract.ts';
import { SUM } from './operators/sum.ts';
import { VAR } from './operators/var.ts';
import { WHERE } from './operators/where.ts';
import { WILDER } from './operators/wilder.ts';
import { WMA } from './operators/wma.ts';
import { ZSCORE } from './operators/zscore.ts';

/** All operators, in the order of the reference page. */
export const OPERATORS: readonly Operator[] = [
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
  NEGATE,
  LESS,
  LESS_OR_EQUAL,
  EQUAL,
  AND,
  OR,
  NOT,
  WHERE,
  COALESCE,
  IS_MISSING,
  ABS,
  SIGN,
  LOG,
  EXP,
  SQRT,
  POW,
  CLIP,
  LEAST,
  GREATEST,
  HOUR,
  MINUTE_OF_DAY,
  DAY_OF_WEEK,
  DELAY,
  DELTA,
  CROSS,
  SINCE,
  COUNT,
  SUM,
  MEAN,
  WMA,
  EMA,
  WILDER,
  VAR,
  STD,
  ZSCORE,
  BOLLINGER,
  SKEW,
  KURT,
  SLOPE,
  COV,
  CORR,
  BETA_OF,
  RESID,
  RSI,
  ATR,
  MIN,
  MAX,
  ARGMIN,
  ARGMAX,
  RANK,
  MEDIAN,
  QUANTILE,
];

export const OPERATOR_BY_NAME: ReadonlyMap<string, Operator> = new Map(
  OPERATORS.map((operator) => [operator.name, operator]),
);
