import type { FormulaTrial } from '../api.ts';
import { t } from '../text/text.ts';

/** The line of a formula that has its fault, a mark below the position, and what is wrong there. */
export function FormulaFault(props: {
  readonly formula: string;
  readonly fault: NonNullable<FormulaTrial['fault']>;
  /** Moves the cursor to the position. */
  readonly onShow: () => void;
}) {
  const { code, column, text } = props.fault;
  const { line, before } = lineAt(props.formula, column);
  return (
    <div class="formula-fault" role="alert">
      <pre class="mono">
        {line}
        {'\n'}
        {before}
        <span class="bad">^</span>
      </pre>
      <p>
        <span class="bad" lang="en">
          {text}
        </span>{' '}
        <span class="mono note">{code}</span>{' '}
        <button type="button" class="link" onClick={props.onShow}>
          {t('formulas.show')}
        </button>
      </p>
    </div>
  );
}

/**
 * The line of a text that holds a position.
 * @param column 1 is the first character of the text
 * @returns also as much empty room as is before the position; tabs stay, since they are as wide above as below
 */
export function lineAt(text: string, column: number): { readonly line: string; readonly before: string } {
  const begin = text.lastIndexOf('\n', column - 2) + 1;
  const end = text.indexOf('\n', column - 1);
  const line = text.slice(begin, end < 0 ? undefined : end);
  return { line, before: line.slice(0, column - 1 - begin).replace(/[^\t]/g, ' ') };
}
