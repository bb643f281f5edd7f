/** How many values lie in equal parts of a range, as bars. */
export function Histogram(props: {
  readonly label: string;
  /** Texts of the ends. */
  readonly low: string;
  readonly high: string;
  readonly counts: readonly number[];
}) {
  const { counts } = props;
  const most = Math.max(1, ...counts);
  return (
    <figure class="histogram">
      <svg viewBox={`0 0 ${counts.length} 100`} preserveAspectRatio="none" role="img" aria-label={props.label}>
        {counts.map((count, i) => {
          const height = (100 * count) / most;
          return <rect key={i} x={i + 0.06} y={100 - height} width="0.88" height={height} />;
        })}
      </svg>
      <figcaption class="mono note">
        <span>{props.low}</span>
        <span>{props.high}</span>
      </figcaption>
    </figure>
  );
}
