// What was measured while a run went on, as a table that other tools read.

/** The measures of one stage, one row a step or an epoch, each by its name; what is no number is left out. */
export interface Curve {
  stage: string
  rows: readonly object[]
}

/** A CSV table of all stages: `stage`, `step` and `epoch`, then every measure of any of them. */
export function curvesCsv(curves: readonly Curve[]): string {
  const numbers = ({ rows }: Curve) =>
    rows.map((row) => new Map(Object.entries(row).filter(([, value]) => Number.isFinite(value)) as [string, number][]))
  const stages = curves.map((curve) => ({ stage: curve.stage, rows: numbers(curve) }))
  const columns = [...new Set(['step', 'epoch', ...stages.flatMap(({ rows }) => rows.flatMap((row) => [...row.keys()]))])]
  const lines = stages.flatMap(({ stage, rows }) => rows.map((row) => [stage, ...columns.map((name) => row.get(name) ?? '')]))
  const header = ['stage', ...columns].map((name) => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name))
  return `${[header, ...lines].map((line) => line.join()).join('\n')}\n`
}
