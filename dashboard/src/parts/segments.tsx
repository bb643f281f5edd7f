interface Props<Value> {
  /** Of the group, for screen readers. */
  readonly label?: string;
  readonly values: readonly Value[];
  readonly chosen: Value;
  readonly textOf: (value: Value) => string;
  readonly onChoose: (value: Value) => void;
  /** Whether the buttons may stand in several lines. */
  readonly wrap?: boolean;
}

/** Buttons side by side, one of which is chosen. */
export function Segments<Value extends string | number | boolean>(props: Props<Value>) {
  const { label, values, chosen, textOf, onChoose, wrap = false } = props;
  return (
    <div class={wrap ? 'segments wrap' : 'segments'} role="group" aria-label={label}>
      {values.map((value) => (
        <button key={String(value)} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {textOf(value)}
        </button>
      ))}
    </div>
  );
}
