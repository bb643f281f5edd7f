import { handWrittenDefinitions } from '../../../shared/core/features/features.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../../shared/core/features/instrument/definitions.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { parseFormula, type Formula } from '../../../shared/core/formula/formula.ts';
import { FormulaError, type FormulaFault } from '../../../shared/core/formula/formula_error.ts';
import { instrumentSources, pairSources } from '../../../shared/core/formula/sources.ts';
import { isInstrument, type Pair } from '../../../shared/pair.ts';
import { fitsColumn } from '../../../shared/policy/feature_file.ts';
import { faultText } from '../../../shared/policy/formula_fault.ts';

/** A fault of a formula at a position. */
export interface PlacedFault {
  readonly code: FormulaFault;
  /** 1 is the first character. */
  readonly column: number;
  readonly text: string;
}

/** What is known of a formula without a bar. */
export interface CheckedFormula {
  /** Canonical. */
  readonly formula: string;
  readonly unit: string;
  /** Whether `config/features.yaml` takes it: its values can be compared between subjects. */
  readonly is_column: boolean;
  readonly look_back_bars: number;
  readonly window_numbers: number;
  readonly sources: readonly string[];
}

/** @throws FormulaError */
export function parseTried(text: string, subject: Pair, windows: Windows): Formula {
  const sources = isInstrument(subject)
    ? instrumentSources(instrumentDefinitions(INSTRUMENT_WINDOWS))
    : pairSources(handWrittenDefinitions(windows));
  return parseFormula(text, sources);
}

/** What a formula says of itself, or its fault. */
export function checkFormula(text: string, subject: Pair, windows: Windows): CheckedFormula | PlacedFault {
  try {
    const formula = parseTried(text, subject, windows);
    return {
      formula: formula.text,
      unit: formula.unit,
      is_column: fitsColumn(formula),
      look_back_bars: formula.bars,
      window_numbers: formula.doubles,
      sources: formula.sources,
    };
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    return { code: error.code, column: error.column, text: faultText(error) };
  }
}
